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


"""A small Sentinella of real processes on a real RabbitMQ and database."""

import pathlib
import subprocess
import uuid

import fixtures

from sentinella import model
from sentinella import plugins
from sentinella.db import channels
from sentinella.db import clock
from sentinella.rpc import transport
from tests import databases
from tests import processes
from tests import rabbit

CONFIG = """\
[DEFAULT]
host = {host}
state_path = {directory}
transport_url = {bus}
debug = {debug}
[database]
connection = {connection}
max_pool_size = 10
[agent]
interval = {interval}
watch_interval = 0.2
report_timeout = 5
{agent}
[evaluator]
interval = {interval}
{evaluator}
[notifier]
backoff = 0.2
allowed_networks = 127.0.0.0/8
[oslo_messaging_rabbit]
kombu_reconnect_delay = 0.2
kombu_missing_consumer_retry_timeout = 5
rpc_reply_retry_attempts = 1
"""


class CloudFixture(fixtures.Fixture):
    """Database and bus; the processes are added one by one.

    :param backend: as :class:`tests.databases.DatabaseFixture` has it
    :param interval: seconds, of agents and evaluators
    :ivar database: the Database; :ivar storage: the Storage
    """

    def __init__(self, backend='mysql', interval=5, debug=False):
        self._backend = backend
        self._interval = interval
        self._debug = debug

    def _setUp(self):
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.bus = self.useFixture(rabbit.RabbitFixture())
        databased = self.useFixture(databases.DatabaseFixture(self._backend))
        self.conf = databased.conf
        self.database = databased.database
        self.storage = plugins.load(
            'sentinella.storage', 'sql', self.conf, self.database
        )

    def config(self, host, agent='', evaluator='', bus=None, connection=None):
        """Write the configuration of one node.

        :param agent: further lines of its `[agent]` group
        :param evaluator: further lines from its `[evaluator]` group on
        :param bus: another transport_url than the broker's own
        :param connection: another way to the database than the straight one
        :returns: path
        """
        connection = connection or self.conf.database.connection
        directory = self.directory / host
        directory.mkdir(exist_ok=True)
        path = directory / 'sentinella.conf'
        path.write_text(
            CONFIG.format(
                host=host,
                directory=directory,
                bus=bus or self.bus.url,
                connection=connection.replace('%', '%%'),
                interval=self._interval,
                debug=self._debug,
                agent=agent,
                evaluator=evaluator,
            )
        )
        return path

    def page_to(self, url):
        """Have all pages posted to a URL."""
        with self.database.writer() as session:
            channels.create(
                session,
                model.Channel(
                    uuid=str(uuid.uuid4()),
                    name='pager',
                    project_id='service',
                    driver='webhook',
                    settings={'url': url},
                    # each page is counted, however many there are
                    digest_over=100_000,
                ),
                clock.read(session),
            )

    def install(self):
        """Have the built-in alarm definitions, as `db sync` brings them."""
        command = [processes.BIN / 'sentinella-manage']
        command += ['--config-file', self.config('manage'), 'db', 'sync']
        subprocess.run(command, check=True, capture_output=True)

    def run(self, script, host, **config):
        """Start `sentinella-<script>` on a node of that name.

        :returns: its ProcessFixture, which listens to its topic
        """
        topic = f'sentinella-{script}'
        listened = self.bus.consumers(topic)
        process = self.useFixture(
            processes.ProcessFixture(
                topic, self.config(host, **config), self.directory
            )
        )
        if topic in transport.TOPICS:
            processes.wait_for(
                lambda: self.bus.consumers(topic) > listened, topic
            )
        return process
