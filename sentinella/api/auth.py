#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Who asks: what Keystone says, or, in standalone only, anybody."""

import ipaddress

from keystonemiddleware import auth_token
from oslo_log import log

from sentinella import context
from sentinella.api import errors

LOG = log.getLogger(__name__)

#: Key of the RequestContext in the WSGI environment.
CONTEXT = 'sentinella.context'

#: Answered to everybody: how clients find out which versions there are.
PUBLIC_PATHS = ('', '/', '/v1', '/v1/')

#: What access rules of application credentials call this service.
SERVICE_TYPE = 'infra-monitoring'


def authenticate(app, parts):
    """The middleware that `[api] auth_strategy` names."""
    if parts.conf.api.auth_strategy == 'noauth':
        return Anybody(app)
    return Keystone(app, parts.conf)


class Keystone:
    """Lets through those who have a valid token."""

    def __init__(self, app, conf):
        self._open = app
        self._closed = auth_token.AuthProtocol(
            TokenContext(app),
            {
                'oslo_config_config': conf,
                'delay_auth_decision': False,
                'service_type': _service_type(conf),
            },
        )

    def __call__(self, environ, start_response):
        if environ.get('PATH_INFO', '') in PUBLIC_PATHS:
            return self._open(environ, start_response)
        return self._closed(environ, start_response)


def _service_type(conf):
    conf.register_opts(
        [o for o in auth_token.list_opts()[0][1] if o.dest == 'service_type'],
        group='keystone_authtoken',
    )
    return conf.keystone_authtoken.service_type or SERVICE_TYPE


class TokenContext:
    """Makes a context of the headers that keystonemiddleware set."""

    def __init__(self, app):
        self._app = app

    def __call__(self, environ, start_response):
        environ[CONTEXT] = context.RequestContext.from_environ(environ)
        return self._app(environ, start_response)


class Anybody:
    """Takes everybody who reaches this machine's loopback for the admin.

    Except web pages: a browser on this machine would carry their requests
    here. Their scripts reach loopback under a name that they rebound to it,
    or send an Origin that is not us.
    """

    def __init__(self, app):
        self._app = app

    def __call__(self, environ, start_response):
        host = environ.get('HTTP_HOST', '')
        if not _is_loopback(host):
            raise errors.HttpError(
                403,
                'forbidden',
                'Host: expected localhost or a loopback address; this '
                'Sentinella takes no other, for it asks for no token.',
            )
        origin = environ.get('HTTP_ORIGIN')
        if origin and origin != f'{environ["wsgi.url_scheme"]}://{host}':
            raise errors.HttpError(
                403, 'forbidden', 'Origin: other sites may not ask here.'
            )
        environ[CONTEXT] = context.standalone_admin()
        return self._app(environ, start_response)


def _is_loopback(host):
    name = host.rpartition(':')[0] if _has_port(host) else host
    if name.lower() == 'localhost':
        return True
    try:
        return ipaddress.ip_address(name.strip('[]')).is_loopback
    except ValueError:
        return False


def _has_port(host):
    return ':' in host and not host.endswith(']')
