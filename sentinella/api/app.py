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

"""Puts the API together."""

import pecan
from oslo_middleware import cors
from oslo_middleware import http_proxy_to_wsgi
from oslo_middleware import request_id
from oslo_middleware import sizelimit
from webob import acceptparse
from webob import multidict

from sentinella import policy
from sentinella import vault
from sentinella.api import auth
from sentinella.api import errors
from sentinella.api import healthcheck
from sentinella.api import microversion
from sentinella.api import parts as api_parts
from sentinella.api import request_log
from sentinella.api import root
from sentinella.api import streams as api_streams


def _of_oslo(kind):
    return lambda app, parts: kind(app, parts.conf)


def _limit_body(app, parts):
    limiter = sizelimit.RequestBodySizeLimiter(app, parts.conf)
    parts.conf.set_default(
        'max_request_body_size',
        parts.conf.api.max_request_body_size,
        group='oslo_middleware',
    )
    return limiter


def _share(app, parts):
    """Lets web pages of `[cors] allowed_origin` in; of none by default."""
    cors.set_defaults(
        allow_headers=['X-Auth-Token', 'Last-Event-ID', microversion.HEADER],
        expose_headers=[
            'X-OpenStack-Request-Id',
            'Retry-After',
            microversion.HEADER,
        ],
        allow_methods=['GET', 'POST', 'PATCH', 'DELETE'],
    )
    return cors.CORS(app, parts.conf)


#: What a request passes, outermost first. The order matters:
MIDDLEWARE = (
    # who asked and by which name, before anybody logs it or makes a link
    _of_oslo(http_proxy_to_wsgi.HTTPProxyToWSGI),
    # all that follow may name the request
    _of_oslo(request_id.RequestId),
    # all that follow are logged, those that are refused above all
    request_log.RequestLog,
    # a browser's preflight has no token; errors need the headers as well
    _share,
    # load balancers have no token, nor do they read JSON
    healthcheck.Healthcheck,
    # every answer from here on tells its version, those of errors too
    microversion.Microversion,
    # whatever is refused or fails further in becomes our JSON
    errors.Errors,
    # before anything reads a body
    _limit_body,
    # keystonemiddleware, and the context that it makes
    auth.authenticate,
    # around Pecan itself, which does not let an answer pass that goes on
    api_streams.Streaming,
)


class Request(pecan.Request):
    """What Pecan sees of a request: its method and path.

    It would make call arguments of whatever is in query and body, and an
    error in the log of every Accept header that it can't serve; those are
    read in :mod:`sentinella.api.expose` instead.
    """

    GET = params = multidict.NoVars()
    content_type = ''
    accept = acceptparse.create_accept_header('*/*')


def make(conf, database, storage, ingest, streams=None):
    """
    :param database: a Database, shared with others or not
    :param storage: a Storage
    :param ingest: an Ingest; who made it stops it
    :param streams: a Streams, for those who stop it
    :returns: the WSGI application
    """
    parts = api_parts.Parts(
        conf=conf,
        database=database,
        storage=storage,
        enforcer=policy.get_enforcer(conf),
        ingest=ingest,
        streams=streams or api_streams.Streams(conf, database),
        vault=vault.Vault(conf),
    )
    app = pecan.Pecan(
        root.Root(parts),
        request_cls=Request,
        guess_content_type_from_ext=False,
        force_canonical=False,
        default_renderer='json',
    )
    for middleware in reversed(MIDDLEWARE):
        app = middleware(app, parts)
    return app
