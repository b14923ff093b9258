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

"""Sends notifications over the message bus of the cloud."""

import concurrent.futures
import threading
import weakref

from oslo_utils import timeutils

from sentinella import exceptions
from sentinella.notifier import base
from sentinella.notifier import connections
from sentinella.notifier import words

#: The kind of an event, by the kind of a message.
EVENTS = {
    'alarm': 'sentinella.alarm.raised',
    'recovery': 'sentinella.alarm.cleared',
    'flapping': 'sentinella.alarm.flapping',
    'repeat': 'sentinella.alarm.repeated',
    'escalation': 'sentinella.alarm.escalated',
    'digest': 'sentinella.alarm.digest',
    'test': 'sentinella.channel.test',
}

#: The bus's own priorities of our severities, and of what is no bad news.
PRIORITIES = {
    'critical': 'critical',
    'major': 'error',
    'warning': 'warn',
    'info': 'info',
}
GOOD = 'info'

#: Messages that are on their way at one time. The bus can't be interrupted,
#: so that one that does not answer leaves a thread behind, until it does.
AT_ONCE = 16

#: Inside of one process, nobody listens.
NOWHERE = 'fake'


class OsloDriver(base.Driver):
    """Sends notifications over the message bus of the cloud.

    As notifications of oslo.messaging (format 2.0), as Nova's and others'
    are: on the bus that `[oslo_messaging_notifications] transport_url`
    names, or else `[DEFAULT] transport_url`, in the exchange of
    `[DEFAULT] control_exchange`. The payload is what `webhook` posts. The
    `message_id`, the payload's `id` as well, is the same at each attempt:
    who remembers it knows what comes twice. Event types begin with
    ``sentinella.alarm.`` and end in ``raised``, ``cleared``, ``repeated``,
    ``escalated`` or ``flapping``; a test is a ``sentinella.channel.test``.
    The publisher is ``sentinella.`` and the name of the node. Priorities are
    ``critical``, ``error`` (of what is major), ``warn`` and ``info``.

    It was sent when the broker has it in a queue; without a listener it
    stays there. A broker that can't be reached, does not let us in or does
    not answer in time is tried again.

    Only channels of the cloud's own project may use it, see `[notifier]
    restricted_drivers`. For a test, the nodes of the API need to reach the
    bus.
    """

    DIGESTS = False
    schema = base.settings(
        {
            'topics': {
                'type': 'array',
                'title': 'Topics',
                'description': 'Where listeners wait for it; those of '
                '[oslo_messaging_notifications] topics if not given.',
                'items': {
                    'type': 'string',
                    'pattern': '^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$',
                    'maxLength': 64,
                },
                'minItems': 1,
                'maxItems': 4,
                'uniqueItems': True,
            },
        }
    )

    def __init__(self, conf):
        super().__init__(conf)
        self._transport, self._retries = _transport(conf)
        self._places = threading.BoundedSemaphore(AT_ONCE)
        # at the end of the process nobody is to wait for a bus that hangs
        weakref.finalize(self, self._transport.cleanup).atexit = False

    def send(self, settings, message):
        timeout = self.conf.notifier.timeout
        deadline = connections.Deadline(timeout)
        topics = settings.get(
            'topics', self.conf.oslo_messaging_notifications.topics
        )
        try:
            self._within(deadline, topics, message)
        except TimeoutError:
            error = exceptions.Retry(f'the bus: no answer in {timeout:g} s')
        except Exception as reason:
            error = exceptions.Retry(f'the bus: {_why(reason)}')
        else:
            return base.Delivered(f'on the bus, topic {", ".join(topics)}')
        # outside: their texts hold addresses, if not worse
        raise error

    def _within(self, deadline, topics, message):
        if not self._places.acquire(timeout=deadline.left()):
            raise TimeoutError
        answer = concurrent.futures.Future()
        threading.Thread(
            target=self._answer,
            args=(answer, topics, message),
            name='bus',
            daemon=True,
        ).start()
        answer.result(deadline.left())

    def _answer(self, answer, topics, message):
        try:
            for topic in topics:
                self._publish(topic, message)
            answer.set_result(None)
        except Exception as error:
            answer.set_exception(error)
        finally:
            self._places.release()

    def _publish(self, topic, message):
        # a Notifier's drivers log an error and say nothing of it, so that
        # what is lost would look as if it had arrived
        event = render(message, f'sentinella.{self.conf.host}')
        self._transport._send_notification(
            _target(f'{topic}.{event["priority"].lower()}'),
            {},
            event,
            version=2.0,
            retry=self._retries,
        )


def render(message, publisher):
    """
    :param message: see :mod:`sentinella.notifier.message`
    :returns: mapping, as a Notifier of oslo.messaging makes them
    """
    good = message['kind'] in words.GOOD
    priority = GOOD if good else PRIORITIES[message['severity']]
    return {
        'message_id': message['id'],
        'publisher_id': publisher,
        'event_type': EVENTS[message['kind']],
        'priority': priority.upper(),
        'payload': {
            name: value
            for name, value in message.items()
            if name != 'reference'
        },
        'timestamp': str(timeutils.utcnow()),
    }


def _messaging():
    """oslo.messaging, when it is needed: an API that only asks for our
    settings has no use for it, and who imports it before
    :mod:`sentinella.backend` has chosen gets eventlet."""
    import oslo_messaging

    return oslo_messaging


def _target(topic):
    return _messaging().Target(topic=topic)


def _transport(conf):
    """
    :returns: the bus, and how often to try again until each of its brokers
        was asked
    :raises InvalidConfiguration: there is none
    """
    messaging = _messaging()
    try:
        transport = messaging.get_notification_transport(conf)
        url = messaging.TransportURL.parse(
            conf, conf.oslo_messaging_notifications.transport_url
        )
    except (
        messaging.DriverLoadFailure,
        messaging.InvalidTransportURL,
        ImportError,
        ValueError,
    ):
        # its text may hold a password
        url = None
    if url is None or url.transport == NOWHERE:
        raise exceptions.InvalidConfiguration(
            'transport_url of [oslo_messaging_notifications], or else of '
            '[DEFAULT], is not a URL like rabbit://user:password@host:5672/'
        )
    return transport, max(1, len(url.hosts) - 1)


def _why(error):
    """In a few words, without what was sent, and where to."""
    name = type(error).__name__
    while error is not None:
        if isinstance(error, TimeoutError):
            return 'no answer'
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return name
