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

"""A cloud that answers what a real one did: Nova 34, Neutron 29 and Cinder 29.

In `data/` is what they answered while nova-scheduler was stopped, nova-compute
had disabled itself, two of Neutron's agents were dead and one was disabled,
and the backend of cinder-volume did not start.
"""

import pathlib

import fixtures

from tests import keystone
from tests import webserver

DATA = pathlib.Path(__file__).parent / 'data'
JSON = 'application/json'

#: Cinder is asked for the versions that it has.
VERSIONS = b'{"versions": [{"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0", "links": []}]}'  # noqa: E501

PATHS = {
    '/compute/v2.1/os-services': 'nova-services.json',
    '/compute/v2.1/os-hypervisors/detail': 'nova-hypervisors.json',
    '/compute/v2.1/os-availability-zone': 'nova-zones.json',
    '/network/v2.0/agents': 'neutron-agents.json',
    '/volume/v3/os-services': 'cinder-services.json',
}


class CloudFixture(fixtures.Fixture):
    """Three APIs, and a real Keystone that has them in its catalog.

    :param region: of its own
    :param url: where the APIs are found instead; None: where they are
    :ivar answers: mapping of paths to (status, content type, body)
    :ivar asked: paths, without what they are asked for
    """

    def __init__(self, region, without=()):
        self._region = region
        self._without = without

    def _setUp(self):
        self.answers = {
            path: (200, JSON, (DATA / name).read_bytes())
            for path, name in PATHS.items()
        }
        self.answers['/volume/v3/'] = (200, JSON, VERSIONS)
        self._server = self.useFixture(webserver.WebServer(self._answer))
        self.port = self._server.port
        self.keystone = self.useFixture(keystone.KeystoneFixture())
        self.register(self._region, self._server.url, self.keystone.url)

    def register(self, region, url, keystone_url):
        """Have the same APIs in one more region, by other ways."""
        url_of = {
            'identity': keystone_url,
            'compute': f'{url}/compute/v2.1',
            'network': f'{url}/network',
            'block-storage': f'{url}/volume/v3',
        }
        for type_ in self._without:
            del url_of[type_]
        self.keystone.register(region, url_of)

    @property
    def asked(self):
        return [path.partition('?')[0] for path in self._server.asked]

    def break_(self, *parts, status=503, kind='text/plain', body=b'no'):
        """Have all paths that hold one of some words answer otherwise.

        :param body: bytes, or the name of what was recorded
        """
        if isinstance(body, str):
            body = (DATA / body).read_bytes()
        for path in self.answers:
            if any(part in path for part in parts):
                self.answers[path] = status, kind, body

    def _answer(self, path):
        path = path.partition('?')[0]
        return self.answers.get(path, (404, JSON, b'{}'))
