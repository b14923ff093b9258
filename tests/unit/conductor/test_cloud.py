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

"""What follows from what the APIs say, and from what they do not."""

import dataclasses
import json
import math
import threading

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella import wire
from sentinella.conductor.cloud import asking
from sentinella.conductor.cloud import cinder
from sentinella.conductor.cloud import keystone
from sentinella.conductor.cloud import names
from sentinella.conductor.cloud import nova
from sentinella.conductor.cloud import picture
from sentinella.conductor.cloud import problems
from sentinella.conductor.cloud import view
from sentinella.ingest import envelope
from sentinella.knowledge import cloud

UP, DOWN, UNDETERMINED = model.ServiceState
NOTHING = picture.Picture({})
SERVICES = nova.QUESTIONS[0]
ZONES = nova.QUESTIONS[2]


def same(host):
    return host


def service(**changes):
    return {
        'binary': 'nova-compute',
        'host': 'cmp-1',
        'zone': 'nova',
        'status': 'enabled',
        'state': 'up',
        'disabled_reason': None,
        'forced_down': False,
    } | changes


def values(found):
    return {
        (sample.metric.name, *(v for _, v in sample.metric.dimensions)): (
            sample.value
        )
        for sample in found.samples
    }


class TestHosts(base.BaseTestCase):
    def test_names(self):
        hosts = names.Hosts(
            ['cmp-1', 'cmp-2.example.org', 'cmp-3.a', 'cmp-3.b', 'cmp-4']
        )
        for host, expected in [
            ('cmp-1', 'cmp-1'),
            ('cmp-1.example.org', 'cmp-1'),
            ('cmp-2', 'cmp-2.example.org'),
            ('cmp-2.example.org', 'cmp-2.example.org'),
            # another domain is another host
            ('cmp-2.elsewhere.org', 'cmp-2.elsewhere.org'),
            # one of two: it is not known which
            ('cmp-3', 'cmp-3'),
            ('cmp-3.b', 'cmp-3.b'),
            ('cmp-9', 'cmp-9'),
            ('', ''),
        ]:
            self.assertEqual(expected, hosts.server(host), host)


class TestNova(base.BaseTestCase):
    def read(self, **changes):
        return nova.read_services([service(**changes)], same)

    def test_a_service(self):
        for changes, expected, state, reason in [
            ({}, (1, 1, 0), UP, ''),
            ({'state': 'down'}, (0, 1, 0), DOWN, ''),
            (
                {'state': 'down', 'forced_down': True},
                (0, 1, 0),
                DOWN,
                'forced down',
            ),
            ({'status': 'disabled'}, (1, 0, 0), UP, 'disabled'),
            (
                {'status': 'disabled', 'disabled_reason': 'a new disk'},
                (1, 0, 0),
                UP,
                'disabled: a new disk',
            ),
            (
                {'status': 'disabled', 'disabled_reason': 'AUTO: libvirt'},
                (1, 0, 1),
                UP,
                'disabled: AUTO: libvirt',
            ),
        ]:
            found = self.read(**changes)
            self.assertEqual(
                {('nova.service.count', 'nova-compute'): 1.0}
                | {
                    (
                        f'nova.service.{name}',
                        'cmp-1',
                        'nova-compute',
                        'nova',
                    ): n
                    for name, n in zip(
                        ('up', 'enabled', 'auto_disabled'),
                        expected,
                        strict=True,
                    )
                },
                values(found),
            )
            (status,) = found.services
            self.assertEqual(
                ('nova-compute@cmp-1', state, reason),
                (status.name, status.state, status.reason),
            )

    def test_of_a_cell_that_is_away(self):
        """As Nova tells of one: with hardly anything."""
        found = nova.read_services(
            [
                {
                    'binary': 'nova-compute',
                    'host': 'cmp-1',
                    'status': 'UNKNOWN',
                }
            ],
            same,
        )
        self.assertEqual(4, len(found.samples))
        for sample in found.samples[1:]:
            self.assertTrue(math.isnan(sample.value), sample)
        self.assertEqual(UNDETERMINED, found.services[0].state)
        self.assertFalse(cloud.disabled_by_operator(found.services[0]))

    def test_what_is_up_comes_first(self):
        found = nova.read_services(
            [service(), service(host='cmp-2')], same
        ).samples
        self.assertEqual(
            ['nova.service.count'] + ['nova.service.up'] * 2,
            [s.metric.name for s in found[:3]],
        )

    def test_a_hypervisor_of_which_little_is_told(self):
        found = nova.read_hypervisors(
            [{'hypervisor_hostname': 'node-1', 'state': 'up'}], same
        )
        known = {k: v for k, v in values(found).items() if not math.isnan(v)}
        self.assertEqual({('nova.hypervisor.up', '', 'node-1'): 1.0}, known)

    def test_words_that_mean_nothing(self):
        for word in (None, 5, ['up'], 'UP!'):
            self.assertIsNone(view.among(word, nova.UP))


class TestOthers(base.BaseTestCase):
    def test_backends_of_a_volume_service(self):
        rows = [
            service(binary='cinder-volume', host=f'ctl-1@{backend}')
            for backend in ('lvm', 'ceph')
        ]
        found = cinder.read_services(rows, {'ctl-1': 'ctl-1.a'}.get)
        self.assertIn(
            ('cinder.service.up', 'ceph', 'ctl-1.a', 'cinder-volume', 'nova'),
            values(found),
        )
        self.assertEqual(
            ['cinder-volume@ctl-1@lvm', 'cinder-volume@ctl-1@ceph'],
            [status.name for status in found.services],
        )

    def test_hosts_are_counted(self):
        """Not backends, and not what is told of zones."""
        rows = [
            service(binary='cinder-volume', host=host)
            for host in ('ctl-1@lvm', 'ctl-1@ceph', 'ctl-2@lvm')
        ]
        found = values(cinder.read_services(rows, same))
        self.assertEqual(2, found['cinder.service.count', 'cinder-volume'])

    def test_endpoints_are_counted(self):
        def endpoint(enabled, service, interface='public'):
            return {
                'enabled': enabled,
                'interface': interface,
                'region': 'one',
                'service': service,
            }

        nova_, off = {'name': 'nova'}, {'type': 'dns', 'enabled': False}
        found = keystone.read_endpoints(
            [
                endpoint(True, nova_),
                endpoint(True, nova_),
                endpoint(False, nova_, 'internal'),
                endpoint(True, off),
            ],
            same,
        )
        self.assertEqual(
            {
                ('cloud.endpoints', 'public', 'one', 'nova'): 2,
                ('cloud.endpoints', 'internal', 'one', 'nova'): 0,
                ('cloud.endpoints', 'public', 'one', 'dns'): 0,
            },
            values(found),
        )


class TestDisabled(base.BaseTestCase):
    def test_by_whom(self):
        for reason, expected in [
            ('', False),
            ('forced down', False),
            ('cannot tell: HTTP 503', False),
            (cloud.disabled(None), True),
            (cloud.disabled('a new disk'), True),
            (cloud.disabled('a new\ndisk'), True),
            (cloud.disabled('AUTO: Connection to libvirt lost: 1'), False),
            ('disabledness', False),
        ]:
            status = view.status('nova', 'nova-compute', 'a', True, reason)
            self.assertEqual(
                expected, cloud.disabled_by_operator(status), reason
            )


class TestPicture(base.BaseTestCase):
    def draw(self, *rows, before=NOTHING, now=1.0, **answer):
        found = nova.read_services(rows, same) if rows else None
        return picture.draw(
            {SERVICES: asking.Answer(found, **answer)}, before, now
        )

    def test_what_is_not_known_any_more(self):
        before = self.draw(service(), service(host='b', status='disabled'))
        found = self.draw(before=before, now=2.0, problem='HTTP 503')
        self.assertEqual(
            {
                'nova': (DOWN, 'HTTP 503', 2.0),
                'nova-compute@cmp-1': (
                    UNDETERMINED,
                    'cannot tell: HTTP 503',
                    2.0,
                ),
                'nova-compute@b': (UNDETERMINED, 'disabled', 2.0),
            },
            {s.name: (s.state, s.reason, s.since) for s in found.services},
        )
        # the same metrics, so that no schema has to be learnt anew
        self.assertEqual(
            [sample.metric for sample in before.frames[1]],
            [sample.metric for sample in found.frames[1]],
        )
        for sample in found.frames[1]:
            self.assertTrue(math.isnan(sample.value))

    def test_it_stays_so(self):
        before = self.draw(service())
        for now in (2.0, 3.0):
            before = self.draw(before=before, now=now, problem='HTTP 503')
        self.assertEqual({2.0}, {status.since for status in before.services})
        found = self.draw(service(), before=before, now=4.0)
        self.assertEqual({UP}, {status.state for status in found.services})
        self.assertEqual({4.0}, {status.since for status in found.services})

    def test_without_a_token_an_api_is_not_down(self):
        found = self.draw(problem='no token', asked=False)
        (status,) = found.services
        self.assertEqual(
            (UNDETERMINED, 'no token'), (status.state, status.reason)
        )
        self.assertTrue(
            math.isnan(
                values(view.View(found.frames[0]))['cloud.api.up', 'nova']
            )
        )

    def test_one_of_its_answers_is_missing(self):
        answers = {
            SERVICES: asking.Answer(nova.read_services([service()], same)),
            ZONES: asking.Answer(None, 'HTTP 403'),
        }
        found = picture.draw(answers, NOTHING, 1.0)
        self.assertEqual(
            {'nova': DOWN, 'nova-compute@cmp-1': UP},
            {status.name: status.state for status in found.services},
        )

    def test_twice_the_same(self):
        for states, expected, value in [
            (('up', 'down'), DOWN, 0.0),
            (('down', 'up'), DOWN, 0.0),
            (('up', 'what'), UNDETERMINED, 1.0),
            (('what', 'down'), DOWN, 0.0),
        ]:
            found = self.draw(*(service(state=state) for state in states))
            self.assertEqual(expected, found.services[0].state, states)
            self.assertEqual(value, found.frames[1][1].value, states)
            self.assertEqual(4, len(found.frames[1]))

    def test_more_than_fits(self):
        self.patch(model, 'MAX_SAMPLES', 5)
        self.patch(picture, 'MAX_SERVICES', 3)
        rows = [service(host=f'cmp-{n}') for n in range(3)]
        rows.append(service(host='dead', state='down'))
        found = self.draw(*rows)
        self.assertEqual(5, len(found.frames[1]))
        self.assertEqual(
            ['nova.service.up'] * 4,
            [sample.metric.name for sample in found.frames[1][1:]],
        )
        # what is down is told before what is up
        self.assertEqual('nova-compute@dead', found.services[0].name)
        self.assertEqual(3, len(found.services))
        self.assertEqual(8 + 2, found.left_out)
        self.assertEqual(10.0, found.frames[0][0].value)

    def test_all_services_fit_into_a_report(self):
        """Of the longest there can be, in plain words."""
        longest = 'x' * view.MAX_TEXT
        status = view.status('neutron', longest, longest, False, longest)
        status = dataclasses.replace(status, since=1234567890.123)
        text = json.dumps(wire.to_wire(status), separators=(',', ':'))
        self.assertLess(
            picture.MAX_SERVICES * len(text), envelope.MAX_BODY - 1000
        )

    @given(
        st.lists(
            st.lists(
                st.tuples(
                    st.sampled_from('abc'),
                    st.sampled_from(['up', 'down', 'what', None]),
                ),
                max_size=4,
            )
            | st.none(),
            max_size=6,
        )
    )
    def test_nothing_is_down_that_no_answer_calls_so(self, several):
        before = NOTHING
        for now, said in enumerate(several):
            rows = [
                service(host=host, state=state) for host, state in said or ()
            ]
            answer = asking.Answer(
                None if said is None else nova.read_services(rows, same),
                problem='HTTP 503' if said is None else '',
            )
            before = picture.draw({SERVICES: answer}, before, float(now))
            down = {
                status.name
                for status in before.services
                if status.state is DOWN and '@' in status.name
            }
            expected = {
                f'nova-compute@{host}'
                for host, state in said or ()
                if state == 'down'
            }
            self.assertEqual(expected, down)
            for frame in before.frames:
                metrics = [sample.metric for sample in frame]
                self.assertEqual(len(set(metrics)), len(metrics))

    def test_what_another_left(self):
        left = self.draw(service()).services
        recalled = picture.recall([SERVICES, ZONES], left)
        found = picture.draw(
            {
                SERVICES: asking.Answer(None, 'HTTP 503'),
                ZONES: asking.Answer(view.View()),
            },
            recalled,
            5.0,
        )
        self.assertEqual(
            {'nova': DOWN, 'nova-compute@cmp-1': UNDETERMINED},
            {status.name: status.state for status in found.services},
        )


class Clients:
    """:ivar session: itself, as far as it is asked for a token"""

    def __init__(self, timeout=0.05):
        self.timeout = timeout
        self.session = self

    def get_token(self):
        return 'token'

    def has(self, service_type):
        return service_type != 'dns'


def question(name, ask, service_type='compute'):
    return view.Question(
        'nova', name, service_type, ask, lambda found, server: found
    )


class TestAsking(base.BaseTestCase):
    def test_one_that_hangs_is_not_asked_again(self):
        asked, goes_on = [], threading.Event()
        self.addCleanup(goes_on.set)

        def hang(clients):
            asked.append(1)
            goes_on.wait(30)
            return view.View()

        self.patch(asking, 'GRACE', 0.0)
        hangs = question('this', hang)
        answers = question('that', lambda clients: view.View())
        both = asking.Asking(Clients(), [hangs, answers])
        for _ in range(3):
            found = both.ask(same)
            self.assertEqual('no answer within 0.05 s', found[hangs].problem)
            self.assertEqual('', found[answers].problem)
        self.assertEqual(1, len(asked))
        both._clients.timeout = both._timeout = 30
        goes_on.set()
        self.assertEqual('', both.ask(same)[hangs].problem)

    def test_what_is_not_there_has_no_answer(self):
        absent = question('zones', lambda clients: view.View(), 'dns')
        self.assertEqual(
            [asking.TOKEN], list(asking.Asking(Clients(), [absent]).ask(same))
        )

    def test_without_a_token_nobody_is_asked(self):
        class Refusing(Clients):
            def get_token(self):
                raise exceptions.ApiUnavailable('no')

        one = question('this', self.fail)
        found = asking.Asking(Refusing(), [one]).ask(same)[one]
        self.assertFalse(found.asked)
        self.assertIn('no', found.problem)


class TestProblems(base.BaseTestCase):
    def test_what_differs_each_time_is_left_out(self):
        error = exceptions.ApiUnavailable(
            'It is  forbidden. (HTTP 403) (Request-ID: req-5)'
        )
        self.assertEqual(
            'ApiUnavailable: It is forbidden.', problems.explain(error)
        )

    def test_it_is_bounded(self):
        for error in (ValueError('x' * 999), OSError('x' * 999)):
            self.assertLessEqual(
                len(problems.explain(error)), problems.LONGEST
            )
