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

import itertools
import time

import fixtures
from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.agent.collectors import rabbitmq
from tests import collectors
from tests import servers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(['node', 'name', 'items', 'queue_totals', 'x']),
            inner,
        )
    ),
    max_leaves=8,
)


def queue(name='notifications.info', **others):
    return {'name': name, 'vhost': '/', 'messages_ready': 1, **others}


class Answers:
    """An API that gives one answer after the other, whatever is asked."""

    def __init__(self, *answers):
        self._answers = itertools.cycle(answers)

    def get(self, path, **query):
        return next(self._answers)


class TestRabbitmq(base.BaseTestCase):
    def collector(self, address, **states):
        host, port = address
        return collectors.make(
            rabbitmq.RabbitmqCollector,
            servers.Node(**states),
            url=f'http://{host}:{port}',
        )

    def test_a_broker_that_is_down(self):
        nobody = ('127.0.0.1', servers.free_port())
        found = servers.ask(self.collector(nobody, rabbitmq='DOWN'))
        self.assertEqual({('rabbitmq.up',): 0.0}, found)

    def test_one_that_only_other_nodes_can_talk_to(self):
        stranger = self.useFixture(servers.StrangerFixture())
        host, port = stranger.address
        for listening in (
            [('127.0.0.1', 25672)],
            [stranger.address, (host, port - 20000)],
        ):
            node = servers.Node('rabbitmq', listening={'rabbitmq': listening})
            collector = collectors.make(
                rabbitmq.RabbitmqCollector,
                node,
                url=f'http://127.0.0.1:{servers.free_port()}',
            )
            found = servers.ask(collector)
            self.assertEqual({('rabbitmq.up',): 0.0}, found)

    def test_one_that_never_answers_is_given_up(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.agent.collectors.rabbitmq.PATIENCE', 0.3
            )
        )
        stranger = self.useFixture(servers.StrangerFixture())
        began = time.monotonic()
        found = servers.ask(self.collector(stranger.address, rabbitmq='UP'))
        self.assertEqual({('rabbitmq.up',): 0.0}, found)
        self.assertTrue(0.3 <= time.monotonic() - began < 3)

    def test_one_that_fails(self):
        for says in (b'', b'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'):
            stranger = self.useFixture(servers.StrangerFixture(says))
            found = servers.ask(
                self.collector(stranger.address, rabbitmq='UP')
            )
            self.assertEqual({('rabbitmq.up',): 0.0}, found)

    def test_something_else(self):
        for body in (b'<html>', b'[1]', b'null', b'{"node": "a"}'):
            length = str(len(body)).encode()
            stranger = self.useFixture(
                servers.StrangerFixture(
                    b'HTTP/1.1 200 OK\r\nConnection: close\r\n'
                    b'Content-Length: ' + length + b'\r\n\r\n' + body
                )
            )
            error = self.assertRaises(
                exceptions.Lacking,
                servers.ask,
                self.collector(stranger.address, rabbitmq='UP'),
            )
            self.assertIn('does not answer as RabbitMQ does', str(error))

    @given(st.lists(JSON, min_size=3, max_size=3))
    def test_answers_of_any_form(self, answers):
        """They give samples, or what `collect` knows how to take."""
        collector = collectors.make(
            rabbitmq.RabbitmqCollector, servers.Node('rabbitmq')
        )
        try:
            for sample in collector.look(Answers(*answers)):
                self.assertIn(sample.metric.name, collector.METRICS)
        except rabbitmq.STRANGE:
            pass

    def test_which_queues_should_be_read(self):
        for row, expected in (
            (queue(), True),
            (queue('scheduler'), True),
            (queue('reply_of_the_month'), False),
            (queue('reply_0f2c'), False),
            (queue('scheduler_fanout_0f2c'), False),
            (queue('compute_fanout', type='stream'), False),
            (queue('events', type='stream'), False),
            (queue(messages_ready=0), False),
            (queue(node='rabbit@ctl-02'), False),
            (queue(node='rabbit@ctl-01'), True),
        ):
            self.assertEqual(
                expected, rabbitmq.is_suspect(row, 'rabbit@ctl-01'), row
            )

    def test_a_queue_that_is_read_again_is_named_for_some_time(self):
        collector = collectors.make(
            rabbitmq.RabbitmqCollector, servers.Node('rabbitmq')
        )

        def messages(*queues):
            return {
                key[1]: value
                for key, value in collectors.values(
                    collector._queue_samples(list(queues))
                ).items()
                if len(key) > 1
            }

        self.assertEqual({'a': 3}, messages(('a', 3)))
        for _ in range(rabbitmq.ROUNDS):
            self.assertEqual({'a': 0, 'b': 1}, messages(('b', 1)))
        self.assertEqual({'b': 1}, messages(('b', 1)))
        many = [(f'q{number}', 1) for number in range(30)]
        for _ in range(2):
            self.assertEqual(rabbitmq.NAMED, len(messages(*many)))
        self.assertEqual(rabbitmq.NAMED, len(messages(('a', 1))))

    def test_labels(self):
        self.assertEqual('a', rabbitmq.label(queue('a')))
        self.assertEqual('nova/a', rabbitmq.label(queue('a', vhost='nova')))
