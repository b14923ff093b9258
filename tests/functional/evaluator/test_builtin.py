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

"""Each built-in definition on each of its fixtures, through all of it: frames
in a database, the evaluator, its rules and transitions."""

from sentinella.evaluator import service
from sentinella.knowledge import definitions as knowledge
from tests import databases
from tests.functional.evaluator import scene
from tests.functional.evaluator import staging


class BuiltinTests(scene.Scene):
    def setUp(self):
        super().setUp()
        self.evaluator = service.Evaluator(
            self.conf, self.database, self.storage
        )

    def stage(self, entry, fires, quiet):
        """Have some cases of an entry evaluated.

        :returns: those that fire, and those that must not, each as Staged
        """
        now = self.now()
        fires = [staging.stage(self, entry, one, now) for one in fires]
        quiet = [staging.stage(self, entry, one, now) for one in quiet]
        for staged in quiet:
            staging.expect(self, staged, now)
        while self.evaluator.work():
            pass
        self.assertEqual(0, self.evaluator.failures, entry.definition.name)
        return fires, quiet

    def wrong(self, entry):
        """
        :yields: of each case that goes otherwise than it should, what
            followed from it
        """
        name = entry.definition.name
        for some in together(entry):
            fires, quiet = self.stage(entry, *some)
            for staged in fires:
                alarms = staging.found(self, staged)
                if not is_told(staged, alarms):
                    yield name, 'fires', staged.case.when, shown(alarms)
            for staged in quiet:
                alarms = staging.found(self, staged)
                if {str(one.state) for one in alarms} != {'OK'}:
                    # which is more than that it is not known
                    yield name, 'quiet', staged.case.when, shown(alarms)
            staging.clear(self, fires + quiet)


def together(entry):
    """
    :yields: cases that fire and cases that do not, which do not see each
        other; of our own processes everybody knows
    """
    if any(case.instances for case in (*entry.fires, *entry.quiet)):
        yield from (((case,), ()) for case in entry.fires)
        yield from (((), (case,)) for case in entry.quiet)
    else:
        yield entry.fires, entry.quiet


def is_told(staged, alarms):
    """Whether there is the right alarm: one, though several servers tell of
    the same, or one for each of them."""
    severity = staged.case.severity or str(staged.definition.severity)
    by_server = 'server' in staged.definition.match_by
    return len(alarms) == (len(staged.servers) if by_server else 1) and all(
        (str(one.state), str(one.severity)) == ('ALARM', severity)
        and one.reason
        for one in alarms
    )


def shown(alarms):
    return [f'{one.state} {one.severity}: {one.reason}' for one in alarms]


class TestAllOnSqlite(BuiltinTests, databases.SqliteTestCase):
    def test_each_fires_and_keeps_quiet(self):
        wrong = [w for e in knowledge.entries() for w in self.wrong(e)]
        self.assertEqual([], wrong)


#: Each kind of reading once: states, counts, measures, tiers, shares,
#: forecasts, arithmetic, hold times, several servers, what rows tell.
SOME = {
    'agent-silent',
    'api-down-everywhere',
    'filesystem-filling',
    'filesystem-full',
    'galera-members-missing',
    'log-critical',
    'rabbitmq-nodes-missing',
    'service-down',
    'services-down-together',
}


class SomeTests(BuiltinTests):
    def test_some_fire_and_keep_quiet(self):
        entries = [e for e in knowledge.entries() if e.definition.name in SOME]
        self.assertEqual(len(SOME), len(entries))
        wrong = [w for entry in entries for w in self.wrong(entry)]
        self.assertEqual([], wrong)


class TestSomeOnMysql(SomeTests, databases.MysqlTestCase):
    pass


class TestSomeOnPostgresql(SomeTests, databases.PostgresqlTestCase):
    pass
