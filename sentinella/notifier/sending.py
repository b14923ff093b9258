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
"""Sends one message through its channel's driver, and says what came of it."""

import dataclasses
import json
import threading
import time

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella import service
from sentinella import vault
from sentinella.notifier import base
from sentinella.notifier import hiding

LOG = log.getLogger(__name__)

#: Characters of what the other side said, or of an error, that are kept, and
#: of what a driver wants to have back.
TEXT_LENGTH = 500
REFERENCE_LENGTH = 4000

SENT = model.NotificationState.SENT
DEAD = model.NotificationState.DEAD
PENDING = model.NotificationState.PENDING


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; PENDING is tried again.

    :ivar text: what the other side said, or why it did not go
    :ivar seconds: that it took
    :ivar after: seconds that the other end wants to be left alone for, None
        where it said nothing of that
    :ivar reference: see :class:`sentinella.notifier.base.Delivered`
    """

    state: model.NotificationState
    text: str = ''
    seconds: float = 0.0
    after: float | None = None
    reference: dict | None = None


class Sender:
    """For several threads.

    :ivar failures: how often a driver failed as none should
    """

    def __init__(self, conf):
        self.failures = 0
        self._conf = conf
        self._vault = vault.Vault(conf)
        self._drivers = {}
        self._digests = {}
        self._guards = {}
        self._lock = threading.Lock()

    def load(self):
        """Find and import all drivers: the first page is not to wait."""
        for name in plugins.names('sentinella.notifiers'):
            try:
                self._driver(name)
            except exceptions.InvalidConfiguration as error:
                # a matter of those channels that use it
                LOG.debug('Not ready: %s', error)

    def takes_digests(self, channel):
        """Whether many messages to it may become one."""
        name = channel.driver
        if name not in self._digests:
            self._digests[name] = _takes_digests(name)
        return self._digests[name]

    def send(self, channel, compose):
        """
        :param compose: makes a composer.Composed, given the settings
        :returns: Outcome
        """
        began = time.monotonic()
        outcome, failure = self._try(channel, compose)
        if failure is not None:
            outcome = self._failed(channel, failure)
        elif outcome.state == SENT:
            self._guards.pop(channel.driver, None)
        text = self._scrubbed(channel, outcome.text)
        return dataclasses.replace(
            outcome,
            text=' '.join(text.split())[:TEXT_LENGTH],
            seconds=time.monotonic() - began,
        )

    def _try(self, channel, compose):
        """
        :returns: Outcome, and what no driver should raise, or None
        """
        try:
            base.check_owner(self._conf, channel.driver, channel.project_id)
            driver = self._driver(channel.driver)
            settings = self._vault.open(channel.settings)
            driver.check(settings)
            composed = compose(settings)
            delivered = driver.send(settings, composed.message)
            return _sent(delivered, composed.note), None
        except exceptions.Retry as error:
            return Outcome(PENDING, str(error), after=error.after), None
        except exceptions.SecretsUnavailable as error:
            # whoever puts the key back has it sent
            return Outcome(PENDING, str(error)), None
        except exceptions.SentinellaError as error:
            return Outcome(DEAD, str(error)), None
        except Exception as error:
            return None, error

    def _failed(self, channel, error):
        name = channel.driver
        with self._lock:
            self.failures += 1
            guard = self._guards.setdefault(
                name, service.Guard(f'Notifier {name!r}')
            )
        # its text may hold what only its driver knows to be secret
        guard.failed(exceptions.SentinellaError(hiding.described(error)))
        text = f'driver {name} failed: {type(error).__name__}'
        return Outcome(PENDING, text)

    def _scrubbed(self, channel, text):
        """What is kept of a text: others may say again what they were
        sent."""
        try:
            secrets = self._driver(channel.driver).secrets
            settings = self._vault.open(channel.settings)
        except exceptions.SentinellaError:
            # then nobody was sent anything
            return text
        return hiding.scrub(secrets, settings, text)

    def _driver(self, name):
        if name not in self._drivers:
            self._drivers[name] = plugins.load(
                'sentinella.notifiers', name, self._conf
            )
        return self._drivers[name]


def _takes_digests(name):
    """Of the class alone: who decides what goes does not wait for more."""
    try:
        return plugins.load_class('sentinella.notifiers', name).DIGESTS
    except exceptions.SentinellaError:
        # why it can't be used is told when something is sent
        return True


def _sent(delivered, note):
    """
    :param note: about templates, or ''
    """
    delivered = delivered or base.Delivered()
    text = '; '.join(filter(None, (delivered.answer, note)))
    reference = delivered.reference
    if reference and len(json.dumps(reference)) > REFERENCE_LENGTH:
        # it went out all the same
        text, reference = f'{text}; its reference is too long', None
    return Outcome(SENT, text, reference=reference)
