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


"""Real agents, one of whose two conductors is killed under way."""

import sqlalchemy as sa
import testtools

from tests import cloud
from tests import processes

AGENTS = 4


class TestConductorDies(testtools.TestCase):
    def test_the_other_takes_all_of_it_once(self):
        self.node = self.useFixture(cloud.CloudFixture('mysql', interval=1))
        first, second = (
            self.node.run('conductor', f'ctl-{i}') for i in range(2)
        )
        for number in range(AGENTS):
            self.node.run('agent', f'node-{number}')
        for victim in (first, second):
            before = self.sequences()
            processes.wait_for(
                lambda start=before: self.grown(start, 3), 'reports'
            )
            victim.kill()
            before = self.sequences()
            processes.wait_for(
                lambda start=before: self.grown(start, 6), 'further reports'
            )
            victim.start()
        processes.wait_for(self.is_all_there, 'a frame of each report')

    def is_all_there(self):
        """Some may be late that others have overtaken, but none for long."""
        with self.node.database.reader() as session:
            dropped, reports, frames = session.execute(
                sa.text(
                    'SELECT SUM(dropped), '
                    'SUM(GREATEST(sequence, urgent_sequence)), '
                    '(SELECT COUNT(*) FROM frames) FROM servers'
                )
            ).one()
        self.assertEqual(0, dropped)
        return reports == frames

    def sequences(self):
        """
        :returns: mapping of servers to the sequence of their last report
        """
        with self.node.database.reader() as session:
            return dict(
                session.execute(
                    sa.text('SELECT hostname, sequence FROM servers')
                ).all()
            )

    def grown(self, before, reports):
        """Whether every agent was heard so many times since then."""
        now = self.sequences()
        return len(now) == AGENTS and all(
            sequence >= before.get(name, 0) + reports
            for name, sequence in now.items()
        )
