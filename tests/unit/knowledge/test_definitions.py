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

import math
import string

import numpy
from oslotest import base

from sentinella import exceptions
from sentinella import model
from sentinella.evaluator import expression
from sentinella.evaluator import gather
from sentinella.evaluator import rules
from sentinella.evaluator import vectors
from sentinella.knowledge import definitions
from sentinella.storage import base as storage

NAMES = {
    'agent-not-trusted',
    'agent-silent',
    'api-down',
    'api-slow',
    'bus-connection-lost',
    'certificate-expired',
    'certificate-expiring',
    'check-critical',
    'check-warning',
    'clock-ahead',
    'clock-behind',
    'clock-not-synchronised',
    'cpu-busy',
    'database-connection-lost',
    'error-burst',
    'exporter-down',
    'filesystem-full',
    'filesystem-read-only',
    'galera-down',
    'galera-members-missing',
    'galera-not-synced',
    'haproxy-backend-down',
    'haproxy-down',
    'haproxy-server-down',
    'haproxy-sessions-high',
    'libvirt-down',
    'load-high',
    'log-critical',
    'memcached-down',
    'memory-low',
    'mysql-connections-high',
    'mysql-down',
    'openvswitch-behind',
    'openvswitch-down',
    'ovn-disconnected',
    'ovn-down',
    'ovn-no-leader',
    'ping-down',
    'ping-loss',
    'port-down',
    'postgresql-connections-high',
    'postgresql-down',
    'postgresql-slot-unread',
    'postgresql-standby-cut-off',
    'postgresql-standby-lagging',
    'rabbitmq-descriptors-low',
    'rabbitmq-disk-alarm',
    'rabbitmq-down',
    'rabbitmq-memory-alarm',
    'rabbitmq-partitioned',
    'rabbitmq-queue-unread',
    'restart-loop',
    'service-down',
    'traceback-burst',
    'unit-down',
    'unit-restart-loop',
}

ENTRY = """
- name: a
  expression: last(x) > 1
  type: gauge
  severity: info
  match_by: [server]
  description: d
  cause: c
  remedy: r
"""


class TestShipped(base.BaseTestCase):
    def test_names(self):
        self.assertEqual(NAMES, {d.name for d in definitions.load()})

    def test_each_is_complete(self):
        for definition in definitions.load():
            with self.subTest(definition.name):
                self.assertTrue(definition.builtin)
                self.assertIsNone(definition.project_id)
                self.assertIn('server', definition.match_by)
                for text in (
                    definition.description,
                    definition.cause,
                    definition.remedy,
                ):
                    self.assertTrue(text)
                    self.assertLessEqual(
                        {f[1] for f in string.Formatter().parse(text)},
                        {None, 'server', *definition.match_by},
                    )

    def test_each_expression_reads(self):
        for definition in definitions.load():
            read = expression.parse(definition.expression)
            self.assertEqual(definition.expression, str(read))

    def test_uuids_never_change(self):
        self.assertEqual(
            ['b3476c81-1057-51ed-9e89-793e6b681225'],
            [d.uuid for d in definitions.load() if d.name == 'agent-silent'],
        )


class TestRead(base.BaseTestCase):
    def test_entry(self):
        read = definitions.read(ENTRY, 'x.yaml')
        self.assertEqual(
            [('a', model.ThresholdType.GAUGE, model.Severity.INFO)],
            [(d.name, d.type, d.severity) for d in read],
        )

    def test_errors_name_the_place(self):
        for text, words in [
            ('a: b', 'x.yaml: expected a list'),
            ('- a', 'x.yaml, entry 1: expected a mapping of cause,'),
            (ENTRY + '- {name: b}', 'entry 2: expected a mapping'),
            (ENTRY.replace('gauge', 'guage'), "entry 1: 'guage'"),
            (ENTRY.replace('[server]', 'server'), 'match_by to be a list'),
            ('- [', 'x.yaml: while parsing'),
        ]:
            with self.subTest(words):
                error = self.assertRaises(
                    exceptions.InvalidConfiguration,
                    definitions.read,
                    text,
                    'x.yaml',
                )
                self.assertIn(words, str(error))
                self.assertNotIn('\n', str(error))


NOW = 1_000_000.0


def minutes(*values):
    """Samples each 10 s until now, a value for each minute."""
    return numpy.repeat(numpy.array(values, dtype=float), 6)


def once(value, before=0, after=0):
    """One sample that is `value`, others 0: 10 s apart, until now."""
    return numpy.array([0.0] * before + [value] + [0.0] * after)


def silence(seconds, interval=10.0):
    """What the servers table makes of a last report so long ago."""
    server = model.Server(
        id=1,
        uuid='u',
        hostname='h',
        project_id='p',
        interval=interval,
        last_report_at=NOW - seconds,
    )
    times = NOW - numpy.arange(5, -1, -1) * 10
    return gather.OF_SERVERS['agent.missed_reports'](server, times)


def refusal(seconds):
    """What the servers table makes of what was refused so long ago."""
    at = None if seconds is None else NOW - seconds
    server = model.Server(
        id=1, uuid='u', hostname='h', project_id='p', refused_at=at
    )
    times = NOW - numpy.arange(5, -1, -1) * 10
    return gather.OF_SERVERS['agent.refusal_age'](server, times)


#: Of each definition: its samples' dimension, then what makes it fire and
#: what, being near to that, does not.
FIXTURES = {
    'agent-not-trusted': (
        {},
        [refusal(0), refusal(25), refusal(299)],
        [refusal(300), refusal(None)],
    ),
    'agent-silent': (
        {},
        [silence(36), silence(211, interval=60.0)],
        [silence(35), silence(0), silence(120, interval=60.0)],
    ),
    'api-down': (
        {'service': 'nova-api', 'endpoint': 'local'},
        [minutes(0, 0), minutes(1, 0, 0)],
        # one that was too slow, or a restart
        [minutes(1, 0), minutes(0, 1), minutes(1, 1)],
    ),
    'api-slow': (
        {'service': 'nova-api', 'endpoint': 'public'},
        [minutes(2.1, 2.1, 2.1, 2.1, 2.1)],
        [minutes(2, 2, 2, 2, 2), minutes(0.1, 0.1, 5, 0.1, 0.1)],
    ),
    'bus-connection-lost': (
        {'service': 'nova-compute'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(0, 1), minutes(1, 0)],
    ),
    'certificate-expired': (
        {'target': 'vip:443'},
        [minutes(2.9, 2.9), minutes(-4, -4)],
        [minutes(3.1, 3.1), minutes(-4, 365)],
    ),
    'certificate-expiring': (
        {'target': '/etc/haproxy/haproxy.pem'},
        [minutes(13.9, 13.9), minutes(-4, -4)],
        [minutes(14.1, 14.1), minutes(1, 365)],
    ),
    'check-critical': (
        {'check': 'raid'},
        [minutes(0, 0)],
        [minutes(0, 1), minutes(1, 1)],
    ),
    'check-warning': (
        {'check': 'raid'},
        [minutes(1, 1, 1, 1, 1), minutes(1, 2, 2, 1, 2)],
        [minutes(1, 1, 1, 1, 0), minutes(0, 0, 0, 0, 0)],
    ),
    'clock-ahead': (
        {},
        [minutes(0.06, 0.06, 0.06, 0.06, 0.06)],
        [minutes(0.06, 0.06, 0.06, 0.06, 0.04), minutes(-1, -1, -1, -1, -1)],
    ),
    'clock-behind': (
        {},
        [minutes(-0.06, -0.06, -0.06, -0.06, -0.06)],
        [minutes(-1, -1, -1, -1, 0), minutes(1, 1, 1, 1, 1)],
    ),
    'clock-not-synchronised': (
        {},
        [numpy.zeros(60)],
        # chronyd was restarted
        [minutes(*[0] * 9, 1), numpy.ones(60)],
    ),
    'cpu-busy': (
        {},
        [minutes(91, 91, 91, 91, 91)],
        [
            minutes(100, 100, 100, 100, 20),  # a backup that ended
            minutes(100, 100),  # an agent that has just begun
        ],
    ),
    'database-connection-lost': (
        {'service': 'nova-conductor'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(0, 1), minutes(1, 0)],
    ),
    'error-burst': (
        {'service': 'nova-api'},
        [minutes(0, 0, 0, 0, 11), once(61)],
        [minutes(2, 2, 2, 2, 2), once(60, before=29)],
    ),
    'exporter-down': (
        {'target': 'ceph'},
        [minutes(0, 0)],
        [minutes(1, 0), minutes(1, 1)],
    ),
    'filesystem-full': (
        {'mount': '/var'},
        [minutes(91, 91)],
        [minutes(99, 90), minutes(89, 89)],
    ),
    'filesystem-read-only': (
        {'mount': '/var'},
        [minutes(1)],
        [minutes(0, 0), minutes(math.nan)],
    ),
    'galera-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'galera-members-missing': (
        {},
        [minutes(1, 1), minutes(0, 1, 2)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'galera-not-synced': (
        {},
        [numpy.zeros(60)],
        # a copy that takes its time
        [numpy.array([0.0] * 59 + [1.0]), numpy.ones(60)],
    ),
    'haproxy-backend-down': (
        {'backend': 'nova-api'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'haproxy-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'haproxy-server-down': (
        {'backend': 'nova-api'},
        [minutes(1, 1), minutes(0, 2, 1)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'haproxy-sessions-high': (
        {'frontend': 'nova-api'},
        [minutes(91, 91), minutes(50, 100, 100)],
        [minutes(90, 95), minutes(99, 80), minutes(5, 5)],
    ),
    'libvirt-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'load-high': (
        {},
        [minutes(2.1, 2.1, 2.1, 2.1, 2.1)],
        [minutes(2, 2, 2, 2, 2), minutes(5, 1, 1, 1, 1)],
    ),
    'log-critical': (
        {'service': 'nova-api'},
        [once(1), once(1, before=20, after=29)],
        [minutes(0, 0, 0, 0, 0), once(1, after=30)],
    ),
    'memcached-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'memory-low': ({}, [minutes(96, 96)], [minutes(95, 96), minutes(80, 80)]),
    'mysql-connections-high': (
        {},
        [minutes(91, 91), minutes(50, 100, 100)],
        [minutes(90, 95), minutes(99, 80), minutes(5, 5)],
    ),
    'mysql-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'openvswitch-behind': (
        {},
        [minutes(0, 0, 0, 0, 0)],
        [minutes(0, 0, 0, 0, 1), minutes(1, 1, 1, 1, 0)],
    ),
    'openvswitch-down': (
        {'service': 'ovs-vswitchd'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'ovn-disconnected': (
        {'service': 'ovn-controller'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'ovn-down': (
        {'service': 'ovn-northd'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'ovn-no-leader': (
        {'service': 'ovn-sb'},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'ping-down': (
        {'target': 'gateway'},
        [minutes(0, 0)],
        [minutes(1, 0), minutes(1, 1)],
    ),
    'ping-loss': (
        {'target': 'gateway'},
        [minutes(33.3, 33.3, 33.3, 0, 33.3)],
        [minutes(33.3, 0, 0, 33.3, 0), minutes(0, 0, 0, 0, 0)],
    ),
    'port-down': (
        {'target': 'vip:3306'},
        [minutes(0, 0)],
        [minutes(1, 0), minutes(1, 1)],
    ),
    'postgresql-connections-high': (
        {},
        [minutes(91, 91), minutes(50, 100, 100)],
        [minutes(90, 95), minutes(99, 80), minutes(5, 5)],
    ),
    'postgresql-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'postgresql-slot-unread': (
        {},
        [numpy.ones(60), numpy.full(60, 2.0)],
        [numpy.array([1.0] * 59 + [0.0]), numpy.zeros(60)],
    ),
    'postgresql-standby-cut-off': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'postgresql-standby-lagging': (
        {'standby': 'db-02'},
        [minutes(61, 90, 120, 150, 180)],
        [minutes(60, 90, 120, 150, 180), minutes(0, 0, 900, 0, 0)],
    ),
    'rabbitmq-descriptors-low': (
        {},
        [minutes(91, 91), minutes(50, 100, 100)],
        [minutes(90, 95), minutes(99, 80), minutes(5, 5)],
    ),
    'rabbitmq-disk-alarm': (
        {},
        [minutes(1, 1)],
        [minutes(0, 1), minutes(1, 0), minutes(0, 0)],
    ),
    'rabbitmq-down': (
        {},
        [minutes(0, 0), minutes(1, 0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'rabbitmq-memory-alarm': (
        {},
        [minutes(1, 1)],
        [minutes(0, 1), minutes(1, 0), minutes(0, 0)],
    ),
    'rabbitmq-partitioned': (
        {},
        [minutes(1, 1), minutes(0, 2, 1)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'rabbitmq-queue-unread': (
        {'queue': 'conductor'},
        [minutes(1, 5, 9, 13, 17), minutes(3, 3, 3, 3, 3)],
        # one that was read in between, though it is long
        [minutes(900, 900, 0, 900, 900), minutes(9, 9, 9, 9, 0)],
    ),
    'restart-loop': (
        {'service': 'nova-api'},
        [once(3), numpy.ones(3)],
        # what a restart by an operator takes
        [once(1, before=30), once(2, before=60)],
    ),
    'service-down': (
        {'service': 'nova-api'},
        [once(1, after=1), once(0)],
        [once(1), once(1, before=1)],
    ),
    'traceback-burst': (
        {'service': 'nova-api'},
        [once(21)],
        [once(20, before=29), minutes(0, 0, 0, 0, 0)],
    ),
    'unit-down': (
        {'unit': 'nova-compute.service'},
        [minutes(0, 0)],
        [minutes(1, 0), minutes(0, 1)],
    ),
    'unit-restart-loop': (
        {'unit': 'nova-compute.service'},
        [once(3), numpy.ones(3)],
        [once(1, before=30), once(2, before=60)],
    ),
}


class TestFixtures(base.BaseTestCase):
    server = model.Server(id=1, uuid='u', hostname='h', project_id='p')

    def states(self, definition, dimensions, all_values):
        """The state that each row of samples leads to."""
        read = expression.parse(definition.expression)
        group = {name: dimensions.get(name) for name in definition.match_by}
        group['server'] = 'u'
        for values in all_values:
            times = NOW - numpy.arange(len(values) - 1, -1, -1) * 10.0
            (name,) = read.metrics
            metric = model.Metric.of(name, **dimensions)
            series = storage.Series(1, metric, times, values)
            servers = vectors.Servers({1: self.server})
            samples = vectors.Samples.of(
                storage.Window.of([series]), servers, NOW
            )
            (verdict,) = rules.evaluate(
                definition,
                read,
                lambda selector, samples=samples: samples,
                servers,
                NOW,
                35.0,
                [group],
            )
            yield verdict.state

    def test_each_fires_and_keeps_quiet(self):
        self.assertEqual(NAMES, set(FIXTURES))
        for definition in definitions.load():
            dimensions, fire, quiet = FIXTURES[definition.name]
            for state in self.states(definition, dimensions, fire):
                self.assertEqual('ALARM', state, definition.name)
            states = list(self.states(definition, dimensions, quiet))
            self.assertNotIn('ALARM', states, definition.name)
            self.assertIn('OK', states, definition.name)
