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


"""All processes, real, while their database goes away and comes back."""

import os
import signal
import subprocess
import sys
import time

import sqlalchemy as sa
import testtools

from sentinella import model
from sentinella.db import servers
from sentinella.db import services
from sentinella.evaluator import builtin
from tests import cable
from tests import cloud
from tests import processes
from tests import receiver

SERVICE = 'test-service'
KNOWLEDGE = f'test:\n  services:\n    {SERVICE}:\n'
PROGRAM = f'#!{sys.executable}\nimport time\ntime.sleep(3600)\n'


class TestDatabaseAway(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.node = self.useFixture(cloud.CloudFixture('mysql', interval=1))
        self.receiver = self.useFixture(receiver.ReceiverFixture())
        url = sa.make_url(self.node.conf.database.connection)
        self.wire = self.useFixture(cable.CableFixture(url.port or 3306))
        self.behind = url.set(
            host='127.0.0.1', port=self.wire.port
        ).render_as_string(hide_password=False)
        builtin.install(self.node.database)
        self.node.page_to(self.receiver.url)

    def start(self):
        program = self.node.directory / SERVICE
        program.write_text(PROGRAM)
        program.chmod(0o755)
        knowledge = self.node.directory / 'services.yaml'
        knowledge.write_text(KNOWLEDGE)
        self.child = subprocess.Popen([program], stdin=subprocess.DEVNULL)
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.kill)
        self.running = [
            self.node.run(
                script,
                'ctl',
                connection=self.behind,
                agent=f'services_file = {knowledge}',
            )
            for script in ('conductor', 'evaluator', 'agent')
        ]

    def is_up(self):
        with self.node.database.reader() as session:
            found = services.list_(session, limit=1, name=SERVICE)
        return found and found[0].status.state == model.ServiceState.UP

    def sequence_and_frames(self):
        with self.node.database.reader() as session:
            return session.execute(
                sa.text(
                    'SELECT GREATEST(sequence, urgent_sequence), '
                    '(SELECT COUNT(*) FROM frames) FROM servers'
                )
            ).one()

    def is_all_there(self):
        # some may be late that others have overtaken, but none for long
        sequence, frames = self.sequence_and_frames()
        return sequence == frames

    def pages(self, kind):
        return [
            b for b in self.receiver.bodies(kind) if b['service'] == SERVICE
        ]

    def test_a_death_meanwhile_is_paged_once_it_is_back(self):
        self.start()
        processes.wait_for(self.is_up, 'the service')
        self.wire.pull()
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait()
        before = self.sequence_and_frames()[0]
        # as long as a failover takes, and a few of everybody's intervals
        time.sleep(6)
        self.assertLessEqual(self.sequence_and_frames()[0], before + 1)
        self.wire.plug()
        processes.wait_for(lambda: self.pages('alarm'), 'the page')
        processes.wait_for(
            lambda: self.sequence_and_frames()[0] > before + 6, 'the rest'
        )
        processes.wait_for(self.is_all_there, 'a frame of each report')
        self.assertEqual(1, len(self.pages('alarm')))
        with self.node.database.reader() as session:
            self.assertEqual(0, servers.list_(session, limit=1)[0].dropped)
        for process in self.running:
            self.assertIsNone(process.returncode, process.log.read_text())
        conductor, _, agent = (p.log.read_text() for p in self.running)
        self.assertIn('Storing reports failed', conductor)
        self.assertNotIn('Exception during message handling', conductor)
        self.assertEqual(1, agent.count('Reports wait'))
        self.assertNotIn('Traceback', agent)
