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

import threading

import waitress

from sentinella import context
from sentinella import plugins
from sentinella.agent import service as agent
from sentinella.api import app
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


class Api:
    """Serves a WSGI application on loopback from a thread."""

    def __init__(self, application, port):
        self._server = waitress.create_server(
            application, host=LOOPBACK, port=port, threads=4
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
        self._server.close()
        self._thread.join(5.0)


class Standalone:
    """
    :param conf: its `[database] connection` is a file of SQLite's
    """

    def __init__(self, conf):
        conf.set_override('service_project_id', context.STANDALONE_PROJECT)
        conf.set_override('auth_strategy', 'noauth', group='api')
        migration.sync(conf)
        self.database = database.Database(conf)
        builtin.install(self.database)
        self.storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, self.database
        )
        self._ingest = intake.Ingest(
            conf, self.database, self.storage, wake=lambda: None
        )
        self.api = Api(
            app.make(conf, self.database, self.storage, self._ingest),
            conf.api.standalone_port,
        )
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
