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

"""All of Sentinella in one process: for a first look, and for tests.

SQLite and an in-process bus stand in for the cloud's database and RabbitMQ,
nobody is asked who they are, and nothing listens but on loopback.
"""

import os
import threading

import waitress

from sentinella import context
from sentinella import plugins
from sentinella import vault
from sentinella.agent import service as agent
from sentinella.api import app
from sentinella.api import streams
from sentinella.conductor import service as conductor
from sentinella.db import database
from sentinella.db import migration
from sentinella.evaluator import builtin
from sentinella.evaluator import service as evaluator
from sentinella.ingest import intake
from sentinella.notifier import delivery
from sentinella.rpc import conductor as conductor_client
from sentinella.rpc import transport as bus

LOOPBACK = '127.0.0.1'
LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128']

#: In the state path: what channels' settings are sealed with.
KEY_FILE = 'secret.key'


class Api:
    """Serves the API on loopback from a thread."""

    def __init__(self, conf, database, storage, ingest):
        self._streams = streams.Streams(conf, database)
        self._server = waitress.create_server(
            app.make(conf, database, storage, ingest, self._streams),
            host=LOOPBACK,
            port=conf.api.standalone_port,
            threads=4 + conf.api.max_streams,
        )
        self._thread = threading.Thread(
            target=self._server.run, name='api', daemon=True
        )

    @property
    def url(self):
        return f'http://{LOOPBACK}:{self._server.effective_port}'

    def start(self):
        self._thread.start()

    def stop(self):
        self._streams.stop()
        self._server.close()
        self._thread.join(5.0)


def _have_key(conf):
    """Secrets are sealed here too, with a key beside the database."""
    if not conf.notifier.secret_keys:
        key = vault.key_in(os.path.join(conf.state_path, KEY_FILE))
        conf.set_override('secret_keys', [key], 'notifier')


class Standalone:
    """
    :param conf: its `[database] connection` is a file of SQLite's
    """

    def __init__(self, conf):
        conf.set_override('service_project_id', context.STANDALONE_PROJECT)
        conf.set_override('auth_strategy', 'noauth', group='api')
        # whoever looks at it first has the other end on the same machine
        conf.set_default('allowed_networks', LOOPBACK_NETWORKS, 'notifier')
        _have_key(conf)
        migration.sync(conf)
        self.database = database.Database(conf)
        builtin.install(self.database)
        self.storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, self.database
        )
        self._ingest = intake.Ingest(
            conf, self.database, self.storage, wake=lambda: None
        )
        self.api = Api(conf, self.database, self.storage, self._ingest)
        transport = bus.get_transport(conf, bus.IN_PROCESS)
        sender = delivery.Delivery(conf, self.database)
        #: In the order that they start in: nobody calls whom is not there.
        self._parts = (
            sender,
            evaluator.Evaluator(
                conf,
                self.database,
                self.storage,
                transport=transport,
                notify=sender.wake,
            ),
            conductor.Conductor(conf, transport, self.database, self.storage),
            self.api,
            agent.Agent(
                conf,
                conductor_client.ConductorClient(
                    transport, conf.agent.report_timeout
                ),
            ),
        )

    def start(self):
        for part in self._parts:
            part.start()

    def stop(self):
        for part in reversed(self._parts):
            part.stop()
        self._ingest.stop()
        self.database.dispose()
