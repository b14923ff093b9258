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

"""What Keystone's catalog lists."""

from sentinella import exceptions
from sentinella import service
from sentinella.agent.asking import targets

#: Seconds between two looks at the catalog; each takes a token.
REFRESH = 3600.0
#: Seconds after which a look that failed is tried again.
RETRY = 60.0
#: Endpoints that are taken from it.
MAXIMUM = 200


class Endpoints:
    """The endpoints of all services, as Keystone's catalog has them.

    It asks for a token once in an hour, which the catalog comes with, and
    uses it for nothing else.

    :ivar found: list of (service's name, interface, URL)
    :param conf: has keystoneauth's options of this auth type in `group`,
        besides `auth_type` and `cafile`
    :raises InvalidConfiguration: they can't be used
    """

    def __init__(self, conf, group, timeout):
        # takes 10 MB, so only agents that have credentials do
        from keystoneauth1 import exceptions as auth_exceptions
        from keystoneauth1 import loading
        from keystoneauth1 import session

        options = conf[group]
        try:
            opts = loading.get_auth_plugin_conf_options(options.auth_type)
            conf.register_opts(opts, group=group)
            service.read_options(conf, group, opts)
            self._plugin = loading.get_plugin_loader(
                options.auth_type
            ).load_from_options_getter(lambda opt: conf[group][opt.dest])
        except auth_exceptions.ClientException as error:
            raise exceptions.InvalidConfiguration(f'[{group}] {error}')
        if not hasattr(self._plugin, 'get_access'):
            raise exceptions.InvalidConfiguration(
                f'[{group}] auth_type: {options.auth_type} comes with no '
                'catalog, expected one such as password'
            )
        self._failures = auth_exceptions.ClientException
        self._session = session.Session(
            auth=self._plugin, verify=options.cafile or True, timeout=timeout
        )
        self._guard = service.Guard('reading the catalog')
        self.found = []
        self._due = 0.0

    def refresh(self, now):
        """Look at the catalog, if it is time to; `found` stays as it was
        where Keystone does not answer just now."""
        if now >= self._due or now < self._due - REFRESH:
            self._due = now + RETRY
            if self._guard.run(self._read):
                self._due = now + REFRESH

    def _read(self):
        self._plugin.invalidate()
        try:
            access = self._plugin.get_access(self._session)
        except self._failures as error:
            raise exceptions.Lacking(
                f'Keystone gives no catalog ({error})',
                'see to the credentials, or to Keystone',
            )
        if not access.has_service_catalog():
            raise exceptions.Lacking(
                'the token has no catalog', 'give it a project'
            )
        found = [
            (entry.get('name') or entry['type'], e['interface'], e['url'])
            for entry in access.service_catalog.catalog
            for e in entry['endpoints']
            if targets.is_url(e['url'])
        ]
        self.found = sorted(set(found))[:MAXIMUM]
