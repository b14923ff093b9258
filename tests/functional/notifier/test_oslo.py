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

"""The cloud's message bus: the contract, a real RabbitMQ, and those who
listen there."""

import contextlib
import json
import logging
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

import amqp
import fixtures
import kombu
from oslo_config import cfg
import oslo_messaging as messaging
from oslotest import base

from sentinella import exceptions
from sentinella import plugins
from sentinella.notifier.drivers import oslo
from tests import cable
from tests import processes
from tests import rabbit
from tests import servers
from tests.functional.notifier import over_http
from tests.functional.notifier import test_drivers

SECRET = test_drivers.SECRET
PRIORITIES = ('critical', 'error', 'warn', 'info')


def make_conf(url=rabbit.URL, **how):
    """As an operator has it."""
    conf = test_drivers.make_conf(**how)
    # oslo.messaging registers its own when it is first asked
    messaging.TransportURL.parse(conf, url)
    conf.set_override('transport_url', url)
    return conf


def load(*args, **how):
    return plugins.load(
        'sentinella.notifiers', 'oslo', make_conf(*args, **how)
    )


class Topic(fixtures.Fixture):
    """
    :ivar name: nobody else's
    """

    def _setUp(self):
        self.name = f'sentinella-test-{uuid.uuid4()}'
        self.addCleanup(self._remove)

    def messages(self, priority='info'):
        """Take all that is in the queue.

        :returns: list of mappings
        """
        found = []
        with channel() as one, contextlib.suppress(amqp.NotFound):
            queue = f'{self.name}.{priority}'
            while (got := one.basic_get(queue, no_ack=True)) is not None:
                found.append(json.loads(json.loads(got.body)['oslo.message']))
        return found

    def _remove(self):
        with channel() as one:
            for priority in PRIORITIES:
                one.queue_delete(f'{self.name}.{priority}')


@contextlib.contextmanager
def channel():
    with kombu.Connection(rabbit.URL.replace('rabbit:', 'amqp:', 1)) as bus:
        yield bus.channel()


class Listener(fixtures.Fixture):
    """Who listens to notifications, as services do.

    :ivar heard: list of (priority, publisher, event type, payload, metadata)
    """

    def __init__(self, topic):
        self._topic = topic
        self.heard = []

    def _setUp(self):
        conf = cfg.ConfigOpts()
        conf([], project='listener', default_config_files=[])
        transport = messaging.get_notification_transport(conf, rabbit.URL)
        self.addCleanup(transport.cleanup)
        listener = messaging.get_notification_listener(
            transport,
            [messaging.Target(topic=self._topic)],
            [self],
            executor='threading',
        )
        listener.start()
        self.addCleanup(listener.wait)
        self.addCleanup(listener.stop)

    def _hear(priority):
        def hear(self, ctxt, publisher_id, event_type, payload, metadata):
            self.heard.append(
                (priority, publisher_id, event_type, payload, metadata)
            )

        return hear

    critical, error, warn, info = map(_hear, PRIORITIES)


class TestOslo(test_drivers.DriverContract, base.BaseTestCase):
    driver = 'oslo'

    def make_settings(self):
        self.topic = self.useFixture(Topic())
        return {'topics': [self.topic.name]}

    def configured(self):
        return make_conf()

    def sent(self):
        return [
            json.dumps(one, ensure_ascii=False)
            for one in self.topic.messages()
        ]

    def test_who_listens(self):
        listener = self.useFixture(Listener(self.topic.name))
        told = [
            over_http.news(kind, severity=severity, reference={'x': 1})
            for kind, severity in (
                ('alarm', 'critical'),
                ('escalation', 'major'),
                ('repeat', 'warning'),
                ('flapping', 'info'),
                ('recovery', 'critical'),
                ('test', 'info'),
            )
        ]
        told.append(over_http.digest(200))
        for one in told:
            delivered = self.sender.send(self.settings, one)
            self.assertIn(self.topic.name, delivered.answer)
        processes.wait_for(
            lambda: len(listener.heard) == len(told), 'all of them'
        )
        for one in told:
            one.pop('reference')
        heard = {event: rest for _, _, event, *rest in listener.heard}
        self.assertEqual(
            {oslo.EVENTS[one['kind']]: one for one in told},
            {event: payload for event, (payload, _) in heard.items()},
        )
        self.assertEqual(
            {
                ('critical', 'sentinella.alarm.raised'),
                ('error', 'sentinella.alarm.escalated'),
                ('warn', 'sentinella.alarm.repeated'),
                ('info', 'sentinella.alarm.flapping'),
                ('info', 'sentinella.alarm.cleared'),
                ('info', 'sentinella.channel.test'),
                ('critical', 'sentinella.alarm.digest'),
            },
            {(priority, event) for priority, _, event, *_ in listener.heard},
        )
        self.assertEqual(
            {f'sentinella.{self.sender.conf.host}'},
            {publisher for _, publisher, *_ in listener.heard},
        )
        for _, (payload, metadata) in heard.items():
            self.assertEqual(payload['id'], metadata['message_id'])
            self.assertTrue(metadata['timestamp'])

    def test_who_comes_later_hears_of_it(self):
        said = over_http.news()
        for _ in range(2):
            self.sender.send(self.settings, said)
        listener = self.useFixture(Listener(self.topic.name))
        processes.wait_for(lambda: len(listener.heard) == 2, 'both')
        self.assertEqual(
            {said['id']}, {one[-1]['message_id'] for one in listener.heard}
        )

    def test_several_topics(self):
        other = self.useFixture(Topic())
        self.settings['topics'].append(other.name)
        self.sender.check(self.settings)
        self.sender.send(self.settings, self.message)
        for one in (self.topic, other):
            (found,) = one.messages()
            self.assertEqual(self.message['id'], found['message_id'])

    def test_topics_of_the_operator(self):
        self.sender.conf.set_override(
            'topics', [self.topic.name], 'oslo_messaging_notifications'
        )
        self.sender.send({}, self.message)
        self.assertEqual(1, len(self.topic.messages()))

    def test_settings(self):
        for topics in (
            [],
            ['a'] * 2,
            ['a', 'b', 'c', 'd', 'e'],
            ['a b'],
            ['a\n'],
            ['.'],
            [''],
            ['a' * 65],
            ['#'],
            'a',
        ):
            error = self.assertRaises(
                exceptions.InvalidInput, self.sender.check, {'topics': topics}
            )
            self.assertIn('settings.topics', str(error))


class TestTrouble(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.topic = self.useFixture(Topic())
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))

    def url(self, port, password=SECRET):
        return f'rabbit://guest:{password}@127.0.0.1:{port}/'

    def port(self):
        return urllib.parse.urlsplit(rabbit.URL).port or 5672

    def send(self, sender):
        return sender.send({'topics': [self.topic.name]}, over_http.news())

    def refused(self, sender, *words, within=5.0):
        began = time.monotonic()
        error = self.assertRaises(exceptions.Retry, self.send, sender)
        self.assertLess(time.monotonic() - began, within)
        for word in words:
            self.assertIn(word, str(error))
        for text in (str(error), self.log.output):
            self.assertNotIn(SECRET, text)
        self.assertNotIn('127.0.0.1', str(error))

    def test_nobody_listens(self):
        sender = load(self.url(servers.free_port()))
        self.refused(sender, 'the bus: Connection refused')

    def test_a_wrong_password(self):
        sender = load(self.url(self.port()))
        self.refused(sender, 'the bus: AccessRefused')

    def test_one_that_hangs(self):
        stranger = self.useFixture(servers.StrangerFixture())
        sender = load(self.url(stranger.address[1]), timeout=0.5)
        self.refused(sender, 'the bus: no answer in 0.5 s', within=2.0)

    def test_one_that_is_no_broker(self):
        stranger = self.useFixture(
            servers.StrangerFixture(b'HTTP/1.1 400\r\n')
        )
        sender = load(self.url(stranger.address[1]), timeout=4.0)
        self.refused(sender, 'the bus: ')

    def test_many_that_hang(self):
        stranger = self.useFixture(servers.StrangerFixture())
        sender = load(self.url(stranger.address[1]), timeout=0.5)
        before = threading.active_count()
        for _ in range(oslo.AT_ONCE + 2):
            self.refused(sender, 'the bus: no answer in 0.5 s', within=2.0)
        self.assertLessEqual(threading.active_count(), before + oslo.AT_ONCE)

    def test_one_of_several_is_there(self):
        guest = urllib.parse.urlsplit(rabbit.URL).netloc
        sender = load(
            f'rabbit://guest:{SECRET}@127.0.0.1:{servers.free_port()},{guest}/'
        )
        self.send(sender)
        self.assertEqual(1, len(self.topic.messages('critical')))

    def test_a_connection_that_is_cut(self):
        wire = self.useFixture(cable.CableFixture(self.port()))
        parts = urllib.parse.urlsplit(rabbit.URL)
        sender = load(self.url(wire.port, parts.password), timeout=3.0)
        self.send(sender)
        wire.pull()
        self.refused(sender, 'the bus: ')
        wire.plug()

        def goes():
            try:
                return self.send(sender)
            except exceptions.Retry:
                return None

        processes.wait_for(goes, 'it to go again')
        self.assertLessEqual(2, len(self.topic.messages('critical')))

    def test_one_that_stops_to_answer(self):
        wire = self.useFixture(cable.CableFixture(self.port()))
        parts = urllib.parse.urlsplit(rabbit.URL)
        sender = load(self.url(wire.port, parts.password), timeout=1.0)
        self.send(sender)
        wire.hold()
        self.refused(sender, 'the bus: no answer in 1 s', within=3.0)
        wire.let_go()
        # it comes late then, and that it was sent again can be told
        processes.wait_for(
            lambda: self.topic.messages('critical'), 'the first'
        )

    def test_no_bus(self):
        for url in (
            'fake://',
            f'nosuch://guest:{SECRET}@127.0.0.1/',
            f'rabbit://guest:{SECRET}@127.0.0.1:x/',
        ):
            conf = test_drivers.make_conf()
            messaging.TransportURL.parse(conf, rabbit.URL)
            conf.set_override('transport_url', url)
            error = self.assertRaises(
                exceptions.InvalidConfiguration,
                plugins.load,
                'sentinella.notifiers',
                'oslo',
                conf,
            )
            self.assertIn('rabbit://user:password@host', str(error))
            self.assertNotIn(SECRET, str(error))

    def test_who_only_asks_for_its_settings_loads_no_bus(self):
        subprocess.run(
            [
                sys.executable,
                '-W',
                'ignore',
                '-c',
                'import sys\n'
                'from sentinella.notifier.drivers import oslo\n'
                'assert oslo.OsloDriver.schema\n'
                "assert 'oslo_messaging' not in sys.modules\n",
            ],
            check=True,
        )
