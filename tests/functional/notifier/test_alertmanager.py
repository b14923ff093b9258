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

"""Alertmanager: the contract, what is posted, and the real one."""

import base64
import json
import time

from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella.notifier import message
from sentinella.notifier import sample
from sentinella.notifier.drivers import alertmanager
from tests import alerting
from tests import processes
from tests import target
from tests.functional.notifier import over_http
from tests.functional.notifier import test_drivers

SECRET = over_http.SECRET


class TestAlertmanager(over_http.HttpContract, base.BaseTestCase):
    driver = 'alertmanager'

    def settings_for(self, other):
        return {'urls': [f'{other.base}/'], 'token': SECRET}

    def sent(self):
        return [json.dumps(body) for body in self.target.bodies()]

    def send(self, **changes):
        """
        :returns: alerts that were posted, the reference
        """
        self.target.requests.clear()
        delivered = self.sender.send(self.settings, over_http.news(**changes))
        (posted,) = self.target.bodies()
        return posted, delivered.reference

    def test_an_alarm(self):
        self.settings['labels'] = {'cloud': 'eu', 'severity': 'page'}
        self.sender.check(self.settings)
        said = over_http.news()
        delivered = self.sender.send(self.settings, said)
        self.assertEqual('HTTP 200 OK', delivered.answer)
        ((path, headers, _),) = self.target.requests
        self.assertEqual('/api/v2/alerts', path)
        self.assertEqual(f'Bearer {SECRET}', headers['Authorization'])
        ((alert,),) = self.target.bodies()
        self.assertEqual(
            {
                'alertname': 'service-down',
                'severity': 'page',
                'alarm_id': sample.UUID,
                'project_id': sample.UUID,
                'instance': 'ctl-01.example.org',
                'cloud_group': 'region-1',
                'service': 'nova-scheduler',
                'cloud': 'eu',
            },
            alert['labels'],
        )
        self.assertEqual(said['since'], alert['startsAt'])
        # the alarm is of 100 s after the epoch
        self.assertEqual('1971-01-01T00:01:40+00:00', alert['endsAt'])
        self.assertEqual('https://dashboard.example/', alert['generatorURL'])
        told = alert['annotations']
        self.assertEqual(said['title'], told['summary'])
        self.assertEqual(said['text'], told['description'])
        self.assertEqual(said['id'], told['notification_id'])
        self.assertEqual(
            {'labels': alert['labels'], 'startsAt': alert['startsAt']},
            delivered.reference,
        )

    def test_its_end_is_of_what_was_told(self):
        _, reference = self.send()
        for changes in (
            {},
            {'severity': 'info', 'server': None, 'since': None},
        ):
            (alert,), after = self.send(
                kind='recovery', reference=reference, **changes
            )
            self.assertEqual(reference['labels'], alert['labels'])
            # begun at 40, over at 100, by a clock that may be behind
            self.assertEqual('1970-01-01T00:00:40+00:00', alert['startsAt'])
            self.assertEqual('1970-01-01T00:00:40+00:00', alert['endsAt'])
            self.assertIsNone(after)
        at = '1970-01-01T01:00:00.000000Z'
        (alert,), _ = self.send(kind='recovery', reference=reference, at=at)
        self.assertEqual('1970-01-01T00:59:00+00:00', alert['endsAt'])

    def test_one_that_got_worse(self):
        _, reference = self.send(severity='warning')
        (again,), reference = self.send(
            kind='repeat', severity='warning', reference=reference
        )
        self.assertEqual('warning', again['labels']['severity'])
        (old, new), reference = self.send(
            severity='critical', reference=reference
        )
        self.assertEqual('warning', old['labels']['severity'])
        self.assertEqual(old['startsAt'][:19], old['endsAt'][:19])
        self.assertEqual('critical', new['labels']['severity'])
        self.assertEqual(new['labels'], reference['labels'])

    def test_names_of_labels(self):
        said = over_http.news()
        said['alarm'] |= {'group': {'dev.name': 'sda', '2nd': 'x', 'no': ''}}
        found = alertmanager.labels({}, said)
        self.assertEqual('sda', found['dev_name'])
        self.assertEqual('x', found['_2nd'])
        self.assertNotIn('no', found)

    def test_basic_authentication(self):
        del self.settings['token']
        self.settings |= {'username': 'me', 'password': SECRET}
        self.sender.check(self.settings)
        self.sender.send(self.settings, self.message)
        ((_, headers, _),) = self.target.requests
        kind, coded = headers['Authorization'].split()
        self.assertEqual('Basic', kind)
        self.assertEqual(f'me:{SECRET}', base64.b64decode(coded).decode())

    def test_settings(self):
        for settings, where in [
            ({'urls': []}, 'settings.urls'),
            ({'urls': ['x']}, 'settings.urls.0'),
            ({'urls': [f'http://u:{SECRET}@x']}, 'settings.urls.0'),
            ({'labels': {'a-b': 'c'}}, 'settings.labels'),
            ({'labels': {'a': ''}}, 'settings.labels.a'),
            ({'token': f'{SECRET}\n'}, 'settings.token'),
            ({'ends_after': 10}, 'settings.ends_after'),
        ]:
            error = self.assertRaises(
                exceptions.InvalidInput,
                self.sender.check,
                {**self.settings, **settings},
            )
            self.assertIn(where, str(error))
            self.assertNotIn(SECRET, str(error))

    def test_what_it_answers(self):
        self.target.answers = {'/api': (400, 'no alert')}
        self.assert_raises(exceptions.Final, 'HTTP 400 Bad Request: no alert')


class TestCluster(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.targets = [self.useFixture(target.Target()) for _ in range(3)]
        self.settings = {'urls': [one.base for one in self.targets]}
        self.sender = plugins.load(
            'sentinella.notifiers',
            'alertmanager',
            test_drivers.make_conf(timeout=3.0),
        )

    def answer(self, *statuses):
        for one, status in zip(self.targets, statuses, strict=True):
            one.status = status
            one.headers = {'Retry-After': str(status)}

    def send(self, kind='alarm', at=None):
        said = over_http.news(kind)
        if at is not None:
            said['at'] = message.iso(at)
        return self.sender.send(self.settings, said).answer

    def test_all_are_told(self):
        self.assertEqual('3 of 3 took it', self.send())
        bodies = [one.bodies() for one in self.targets]
        self.assertEqual([bodies[0]] * 3, bodies)

    def test_one_that_takes_it_is_enough(self):
        self.answer(500, 400, 200)
        self.assertEqual(
            '1 of 3 took it; '
            'number 1: HTTP 500 Internal Server Error; '
            'number 2: HTTP 400 Bad Request',
            self.send(),
        )

    def test_one_that_hangs_is_not_waited_for_twice(self):
        for one in self.targets[:2]:
            one.hold.clear()
        began = time.monotonic()
        self.assertIn('1 of 3', self.send())
        self.assertLess(time.monotonic() - began, 5.9)

    def test_all_have_to_take_an_end(self):
        self.answer(503, 200, 502)
        error = self.assertRaises(
            exceptions.Retry, self.send, 'recovery', time.time()
        )
        self.assertEqual(502, error.after)
        self.assertIn('1 of 3 took it', str(error))
        # who will never take it is not waited for
        self.answer(400, 200, 403)
        self.assertIn('1 of 3', self.send('recovery', time.time()))

    def test_for_a_while(self):
        self.answer(503, 200, 502)
        ago = time.time() - alertmanager.PATIENCE - 1
        self.assertIn('1 of 3', self.send('recovery', ago))

    def test_nobody_takes_it(self):
        self.answer(400, 503, 403)
        error = self.assertRaises(exceptions.Retry, self.send)
        self.assertEqual(503, error.after)
        self.answer(400, 404, 403)
        error = self.assertRaises(exceptions.Final, self.send)
        self.assertIn('0 of 3 took it; number 1: HTTP 400', str(error))


class TestRealAlertmanager(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.page = self.useFixture(target.Target())
        self.servers = [self.start(), self.start()]
        self.settings = {'urls': [one.url for one in self.servers]}
        self.sender = plugins.load(
            'sentinella.notifiers',
            'alertmanager',
            test_drivers.make_conf(timeout=20.0),
        )
        self.reference = None

    def start(self):
        return self.useFixture(alerting.Alertmanager(self.page.url))

    def send(self, kind, at, **changes):
        said = over_http.news(
            kind,
            at=message.iso(at),
            reference=self.reference,
            **{'since': message.iso(at), **changes},
        )
        delivered = self.sender.send(self.settings, said)
        self.reference = delivered.reference
        return delivered.answer

    def on(self):
        """
        :returns: severities of the alerts that each knows to be on
        """
        return [
            sorted(alert['labels']['severity'] for alert in one.alerts())
            for one in self.servers
        ]

    def paged(self):
        """
        :returns: (status, severity) of all alerts in its pages
        """
        return [
            (alert['status'], alert['labels']['severity'])
            for body in self.page.bodies()
            for alert in body['alerts']
        ]

    def wait_for(self, condition, what):
        processes.wait_for(condition, what)

    def test_from_the_beginning_to_the_end(self):
        now = time.time()
        self.assertEqual(
            '2 of 2 took it', self.send('alarm', now - 20, severity='warning')
        )
        self.wait_for(lambda: self.on() == [['warning']] * 2, 'alert')
        self.wait_for(lambda: ('firing', 'warning') in self.paged(), 'page')
        self.send('repeat', now - 15, severity='warning')
        self.assertEqual([['warning']] * 2, self.on())
        self.send('alarm', now - 10, severity='critical')
        self.wait_for(lambda: self.on() == [['critical']] * 2, 'worse')
        # its clock may be behind ours
        self.send('recovery', now + 30, severity='critical')
        self.wait_for(lambda: self.on() == [[]] * 2, 'end')
        self.wait_for(
            lambda: ('resolved', 'critical') in self.paged(), 'page of its end'
        )
        # one that begins anew is on again
        self.send('alarm', now + 31, severity='major')
        self.wait_for(lambda: self.on() == [['major']] * 2, 'again')

    def test_what_it_was_told_of_long_ago_is_still_on(self):
        """Alertmanager itself would end it after five minutes."""
        self.send('alarm', time.time() - 86400)
        self.assertEqual([['critical']] * 2, self.on())

    def test_one_is_down(self):
        self.servers[0].stop()
        answer = self.send('alarm', time.time())
        self.assertEqual(
            '1 of 2 took it; number 1: no connection: Connection refused',
            answer,
        )
        self.assertEqual(1, len(self.servers[1].alerts()))

    def test_a_test_pages(self):
        channel = model.Channel(
            uuid='c', name='ops', project_id='p', driver='x', settings={}
        )
        said = message.test(channel, time.time())
        self.sender.send(self.settings, said)
        self.wait_for(lambda: ('firing', 'info') in self.paged(), 'page')

    def test_odd_words(self):
        odd = 'größe 温度 \U0001f525 {{ .Labels }} \\ "'
        self.send('alarm', time.time(), summary=odd, service=odd)
        for one in self.servers:
            (alert,) = one.alerts()
            self.assertIn('温度', alert['annotations']['summary'])
