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

import os

import fixtures
from oslotest import base

from sentinella import model
from sentinella.agent import logfiles
from sentinella.agent import proc
from sentinella.agent import scan
from sentinella.agent import watched
from sentinella.knowledge import services

KIND = services.Kind('nova-scheduler', 'nova', ('nova-scheduler',))
UP, DOWN = model.ServiceState.UP, model.ServiceState.DOWN


def found(pid, start, *workers):
    return scan.Found(
        KIND,
        'title',
        proc.Process(pid, start, 1, ''),
        tuple(proc.Process(p, s, pid, '') for p, s in workers),
    )


class TestService(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.service = watched.Service(KIND, 100.0)
        self.service.seen(found(10, 1000, (11, 1010), (12, 1011)), 100.0)

    def test_up_with_its_master_first(self):
        status = self.service.status()
        self.assertEqual((UP, 100.0), (status.state, status.since))
        self.assertEqual((10, 11, 12), status.pids)

    def test_a_masters_end_is_down(self):
        self.assertTrue(self.service.died((10, 1000), 105.0, 2000))
        status = self.service.status()
        self.assertEqual((DOWN, 105.0), (status.state, status.since))
        self.assertEqual((), status.pids)
        self.assertEqual('its process 10 ended', status.reason)

    def test_what_a_master_leaves_behind_is_not_taken_for_it(self):
        self.service.died((10, 1000), 105.0, 2000)
        # one that was known as its worker, and one that was too new
        self.assertTrue(self.service.is_orphan(found(11, 1010)))
        self.assertTrue(self.service.is_orphan(found(13, 1900)))
        self.assertFalse(self.service.is_orphan(found(14, 2001)))

    def test_another_master_is_a_restart(self):
        self.service.died((10, 1000), 105.0, 2000)
        self.assertEqual(0, self.service.take_restarts())
        self.assertTrue(self.service.seen(found(14, 2001), 110.0))
        self.assertEqual(UP, self.service.state)
        self.assertEqual(1, self.service.take_restarts())
        self.assertEqual(0, self.service.take_restarts())

    def test_a_worker_in_the_place_of_another_is_a_restart(self):
        self.service.seen(found(10, 1000, (11, 1010), (13, 1500)), 101.0)
        self.assertEqual(UP, self.service.state)
        self.assertEqual(1, self.service.take_restarts())

    def test_more_or_fewer_workers_are_none(self):
        self.service.seen(found(10, 1000, (11, 1010)), 101.0)
        self.assertEqual(0, self.service.take_restarts())
        # and now its successor came
        self.service.seen(found(10, 1000, (11, 1010), (13, 1500)), 102.0)
        self.assertEqual(1, self.service.take_restarts())
        more = found(10, 1000, (11, 1010), (13, 1500), (14, 1501))
        self.service.seen(more, 103.0)
        self.assertEqual(0, self.service.take_restarts())

    def test_one_of_two_masters(self):
        self.service.seen(found(20, 1001), 100.0)
        self.assertFalse(self.service.died((10, 1000), 105.0, 2000))
        self.assertEqual(UP, self.service.state)
        self.assertTrue(self.service.died((20, 1001), 106.0, 2100))
        self.assertEqual(DOWN, self.service.state)

    def test_survives_on_disk(self):
        self.service.log_files = ('/var/log/nova/nova-scheduler.log',)
        state = self.service.to_state()
        again = watched.Service.from_state(KIND, state, same_boot=True)
        self.assertEqual(self.service.log_files, again.log_files)
        self.assertEqual(UP, again.state)
        self.assertIn((10, 1000), again.masters)
        self.assertTrue(again.died((10, 1000), 105.0, None))
        self.assertTrue(again.is_orphan(found(12, 1011)))
        # it was restarted while no agent ran
        self.assertFalse(again.is_orphan(found(15, 1700)))

    def test_known_but_not_there_after_a_machine_start(self):
        state = self.service.to_state()
        again = watched.Service.from_state(KIND, state, same_boot=False)
        self.assertTrue(again.missing(200.0))
        self.assertEqual((DOWN, 200.0), (again.state, again.since))
        self.assertFalse(again.missing(300.0))
        self.assertEqual(200.0, again.since)


class TestLogFiles(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def located(self, title, beside=()):
        process = proc.Process(1 << 23, 1, 1, title)
        return logfiles.locate(KIND, [process], beside)

    def test_names(self):
        for path, expected in (
            ('/var/log/nova/nova-api.log', True),
            ('/var/log/nova/nova-api.json', False),
            ('/logs/nova-api-access.log', False),
            ('/var/log/apache2/error.log', True),
            ('/logs/a.log (deleted)', False),
            ('/logs/gunicorn.log', False),
            ('/logs/a.out', False),
        ):
            self.assertEqual(expected, logfiles.is_service_log(path), path)

    def test_from_the_command_line(self):
        title = '/b/python /b/nova-scheduler '
        self.assertEqual(
            ('/l/a.log',), self.located(title + '--log-file /l/a.log')
        )
        self.assertEqual(
            ('/l/a.log',),
            self.located(title + '--log-dir=/l --log-file=a.log'),
        )
        self.assertEqual(
            ('/l/nova-scheduler.log',),
            self.located(
                f'nova-scheduler: master process [{title}--log_dir /l]'
            ),
        )

    def test_from_its_configuration(self):
        path = os.path.join(self.directory, 'nova.conf')
        with open(path, 'w') as file:
            file.write(
                '[DEFAULT]\nlog_dir = /l\n# log_file = no\n[x]\nlog_file=no\n'
            )
        title = f'/b/python /b/nova-scheduler --config-file {path}'
        self.assertEqual(('/l/nova-scheduler.log',), self.located(title))
        self.assertEqual(
            ('/m/nova-scheduler.log',), self.located(f'{title} --log-dir /m')
        )

    def test_beside_others(self):
        path = os.path.join(self.directory, 'nova-scheduler.log')
        self.assertEqual((), self.located('nova-scheduler', [self.directory]))
        with open(path, 'w'):
            pass
        self.assertEqual(
            (path,), self.located('nova-scheduler', [self.directory])
        )

    def test_what_a_process_holds_open(self):
        path = os.path.join(self.directory, 'held.log')
        with open(path, 'a'), open(f'{path}.access.log', 'a'):
            me = proc.Process(os.getpid(), 1, 1, 'x --log-file /no.log')
            self.assertIn(path, logfiles.locate(KIND, [me]))
            found = logfiles.locate(KIND, [me])
            self.assertNotIn('/no.log', found)
            self.assertNotIn(f'{path}.access.log', found)

    def test_as_the_operator_says(self):
        kind = services.Kind('a', 'b', ('a',), log_files=('/a.log',))
        self.assertEqual(('/a.log',), logfiles.locate(kind, []))
        kind = services.Kind('a', 'b', ('a',), log_files=())
        self.assertEqual((), logfiles.locate(kind, []))
