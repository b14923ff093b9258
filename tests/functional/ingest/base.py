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

"""An ingest on a database, and an agent that speaks to it."""

import dataclasses
import time
import uuid

from oslo_db import exception as db_exception
import sqlalchemy as sa

from sentinella import model
from sentinella import plugins
from sentinella import wire
from sentinella.db import servers
from sentinella.ingest import intake
from tests import signers

LOAD = model.Metric('load.1m')


def frame(at, metric=LOAD, value=1.0):
    return model.Frame.of(at, [model.Sample(metric, value)])


class FaultyStorage:
    """A storage that fails as a database does, when told.

    :ivar away: whether it can't be reached
    """

    def __init__(self, storage):
        self._storage = storage
        self._refused = set()
        self.away = False

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def fail(self, *args):
        raise db_exception.DBConnectionError('gone away')

    def refuse(self, frame):
        self._refused.add(frame.values)

    def write(self, frames):
        if self.away:
            self.fail()
        if self._refused & {frame.values for frame in frames}:
            raise db_exception.DBDataError('Out of range value for column')
        self._storage.write(frames)


class IngestTests:
    """The body; a class of tests.databases is the other base."""

    def setUp(self):
        super().setUp()
        self.wakes = []
        self.storage = FaultyStorage(
            plugins.load('sentinella.storage', 'sql', self.conf, self.database)
        )
        self.ingest = intake.Ingest(
            self.conf,
            self.database,
            self.storage,
            lambda: self.wakes.append(1),
        )
        self.addCleanup(self.ingest.stop)
        self.now = time.time()
        self.signer = signers.Signer()
        self.registration = model.Registration(
            str(uuid.uuid4()), 'epoch-1', 'ctl-01', sent_at=self.now
        )

    def register(self, **changes):
        self.registration = dataclasses.replace(self.registration, **changes)
        return self.take_registration(
            self.signer.registration(self.registration)
        )

    def take_registration(self, signed, *project):
        return self.ingest.register(wire.to_wire(signed), *project)

    def take_report(self, signed, *project):
        return self.ingest.report(wire.to_wire(signed), *project)

    def send(self, sequence, **changes):
        report = model.Report(
            self.registration.server,
            self.registration.epoch,
            sequence,
            sent_at=self.registration.sent_at,
        )
        report = dataclasses.replace(report, **changes)
        return self.take_report(self.signer.report(report))

    def assertStatus(self, status, receipt):
        self.assertEqual(model.ReceiptStatus[status], receipt.status)

    def count(self, table):
        with self.database.reader() as session:
            return session.scalar(sa.text(f'SELECT COUNT(*) FROM {table}'))

    def server(self):
        with self.database.reader() as session:
            return servers.get(session, self.registration.server)
