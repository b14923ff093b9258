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
"""Stores what became of attempts, many in one transaction."""

import dataclasses
import random

from oslo_log import log

from sentinella import model
from sentinella.db import attempts
from sentinella.db import clock
from sentinella.db import deliveries
from sentinella.notifier import backoff
from sentinella.notifier import sending

LOG = log.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """An attempt that is over.

    :ivar message_id: UUID of a notification, or of a digest
    :ivar attempts: how many there were before
    :ivar reference: that the next message has, unless the driver says
        another
    """

    claim: deliveries.Claim
    channel: model.Channel
    message_id: str
    attempts: int
    outcome: sending.Outcome
    reference: dict | None = None


def store(session, done, options):
    """Write down what became of messages; all of it, or nothing.

    :param done: list of Dones; :param options: `[notifier]`
    """
    now = clock.read(session)
    held = set(deliveries.lock(session, [one.claim for one in done]))
    mine = [one for one in done if one.claim in held]
    lost = [one for one in done if one.claim not in held]
    attempts.add(session, [_attempt(one, now, options) for one in mine])
    if lost:
        records = [_attempt(one, now, options) for one in lost]
        attempts.add_known(session, records)
    for one in lost:
        # whoever has it now sends it again, or its channel is gone
        _tell(one, 'its claim was lost')
    plain = [one.claim for one in mine if _is_plain(one)]
    _note_sent(session, plain, now)
    settled = list(plain)
    for one in mine:
        if not _is_plain(one) and _settle(session, one, now, options):
            settled.append(one.claim)
    deliveries.let_follow(session, settled)


def _is_plain(one):
    """Whether it was sent, and that is all there is to say."""
    sent = one.outcome.state == sending.SENT
    return sent and _reference(one) is None


def _reference(one):
    return one.outcome.reference or one.reference


def _settle(session, one, now, options):
    """
    :returns: whether nothing more is to be done for it
    """
    state = _judge(one, options)
    if state == sending.PENDING:
        _try_again(session, one, now, options)
    elif state == sending.DEAD:
        _give_up(session, one)
    else:
        _note_sent(session, [one.claim], now, reference=_reference(one))
    return state != sending.PENDING


def _judge(one, options):
    """What the message is from now on."""
    state = one.outcome.state
    if state != sending.PENDING:
        return state
    late = backoff.is_too_late(
        one.attempts + 1, options.backoff, options.give_up_after
    )
    return sending.DEAD if late else state


def _attempt(one, now, options):
    seconds = one.outcome.seconds
    return model.Attempt(
        channel_id=one.claim.channel_id,
        message_id=one.message_id,
        at=now - seconds,
        seconds=seconds,
        outcome=_judge(one, options),
        answer=one.outcome.text,
    )


def _note_sent(session, claims, now, **more):
    if claims:
        deliveries.finish(
            session,
            claims,
            state=sending.SENT,
            delivered_at=now,
            last_error=None,
            **more,
        )


def _give_up(session, one):
    _tell(one, 'given up')
    deliveries.finish(
        session,
        [one.claim],
        state=sending.DEAD,
        last_error=one.outcome.text,
    )


def _try_again(session, one, now, options):
    _tell(one, 'to be tried again')
    wait = backoff.wait_before(one.attempts + 2, options.backoff)
    # so that what failed together is not tried together
    wait *= random.uniform(0.8, 1.0)  # noqa: S311
    if one.outcome.after is not None:
        after = min(one.outcome.after, backoff.LONGEST_ASKED)
        deliveries.leave_alone(session, one.claim.channel_id, now + after)
        wait = max(wait, after)
    deliveries.finish(
        session,
        [one.claim],
        next_attempt_at=now + wait,
        last_error=one.outcome.text,
        waits_for=model.WaitsFor.RETRY,
    )


def _tell(one, what):
    LOG.warning(
        'Message %s to channel %s (attempt %d): %s; %s',
        one.message_id,
        one.channel.name,
        one.attempts + 1,
        one.outcome.text or one.outcome.state,
        what,
    )
