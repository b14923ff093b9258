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

"""Open vSwitch and OVN for tests, without root and without a network."""

import os
import subprocess

from tests import servers

SCHEMAS = '/usr/share'


class DatabaseFixture(servers.FolderFixture):
    """One database of a private ovsdb-server.

    :param schema: of `SCHEMAS`
    :param name: of its control socket
    :param clustered: whether it is the only member of a cluster
    :ivar remote: where clients connect
    """

    def __init__(self, schema, name, path=None, clustered=False):
        super().__init__()
        self._schema = schema
        self._name = name
        self._folder = path
        self._clustered = clustered

    def _setUp(self):
        super()._setUp()
        if self._folder:
            self.path = self._folder
        self.socket = f'{self.path}/{self._name}.sock'
        self.remote = f'unix:{self.socket}'
        self.control = f'{self.path}/{self._name}.ctl'
        file = self.path / f'{self._name}.db'
        self._create(file)
        self.server = self.useFixture(
            servers.ServerFixture(
                ['ovsdb-server', file, f'--remote=p{self.remote}',
                 f'--unixctl={self.control}'],
                self._is_up,
                env=environment(self.path),
            )
        )  # fmt: skip

    def _create(self, file):
        schema = f'{SCHEMAS}/{self._schema}.ovsschema'
        if self._clustered:
            address = f'tcp:127.0.0.1:{servers.free_port()}'
            arguments = ['create-cluster', file, schema, address]
        else:
            arguments = ['create', file, schema]
        subprocess.run(
            ['ovsdb-tool', *arguments],
            check=True,
            capture_output=True,
            timeout=60,
            env=environment(self.path),
        )

    def _is_up(self):
        return servers.listens(self.socket) and servers.listens(self.control)


def environment(path):
    """So that nothing of the real ones is used."""
    folders = ('RUNDIR', 'LOGDIR', 'DBDIR', 'SYSCONFDIR')
    return {
        **os.environ,
        **{f'{k}_{f}': str(path) for k in ('OVS', 'OVN') for f in folders},
    }
