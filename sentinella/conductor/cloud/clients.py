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

"""The way to the APIs of the cloud: one token, used until it expires.

What only a conductor needs that does ask them is imported once it does.
"""

import contextlib
import functools

from oslo_config import cfg

from sentinella import exceptions
from sentinella.conf import cloud as options

GROUP = options.GROUP.name

#: Seconds that each question may take, and each wait for an answer.
TIMEOUT = 10.0


def auth_options(auth_type=None):
    """The options of `[cloud]` that are keystoneauth's.

    :param auth_type: whose options are there as well
    """
    from keystoneauth1 import loading

    found = [
        *loading.get_auth_common_conf_options(),
        *(
            loading.get_auth_plugin_conf_options(auth_type)
            if auth_type
            else ()
        ),
        *loading.get_session_conf_options(),
    ]
    cfg.set_defaults(found, timeout=TIMEOUT)
    return found


class Clients:
    """
    :param session: of keystoneauth
    :ivar timeout: seconds that one question may take
    :param where: `region_name` and `interface` of the endpoints
    """

    def __init__(self, session, where):
        self.session = session
        self.timeout = session.timeout or TIMEOUT
        self._where = where

    @classmethod
    def of(cls, conf):
        """
        :returns: Clients, None where `[cloud] auth_type` is not set
        :raises InvalidConfiguration: the credential can't be used
        """
        from keystoneauth1 import loading

        conf.register_opts(auth_options(), group=GROUP)
        with _configured():
            auth = loading.load_auth_from_conf_options(conf, GROUP)
            if auth is None:
                return None
            session = loading.load_session_from_conf_options(
                conf, GROUP, auth=auth
            )
        return cls(
            session,
            {
                'region_name': conf.cloud.region_name,
                'interface': conf.cloud.interface,
            },
        )

    def has(self, service_type):
        """Whether the catalog, which came with the token, has an API."""
        from keystoneauth1 import exceptions as ks

        try:
            endpoint = self.session.get_endpoint(
                service_type=service_type, **self._where
            )
        except ks.EndpointNotFound:
            return False
        return endpoint is not None

    @functools.cache  # noqa: B019
    def nova(self, version):
        """
        :param version: the microversion to speak
        """
        from novaclient import client

        return client.Client(version, session=self.session, **self._where)

    @functools.cached_property
    def keystone(self):
        from keystoneclient.v3 import client

        return client.Client(session=self.session, **self._where)

    @functools.cached_property
    def sdk(self):
        import openstack

        region, interface = self._where.values()
        return openstack.connection.Connection(
            session=self.session,
            **{'region_name': region} if region else {},
            network_interface=interface,
            block_storage_interface=interface,
        )


@contextlib.contextmanager
def _configured():
    from keystoneauth1 import exceptions as ks

    try:
        yield
    except (ks.ClientException, cfg.Error, OSError, ValueError) as error:
        problem = f'[cloud] {" ".join(str(error).split())[:300]}'
    else:
        return
    raise exceptions.InvalidConfiguration(problem)
