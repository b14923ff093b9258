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

"""Asks many at once, within a time that is bounded."""

import concurrent.futures
import errno
import socket

from sentinella.agent import base

#: Targets that one collector waits for at a time.
AT_ONCE = 8
#: Seconds that one round of a collector takes at most.
DEADLINE = 10.0
#: It is this node that could not even ask.
_OUR_OWN = {
    errno.EADDRNOTAVAIL,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
}


class OutOfTime(Exception):
    """A target's turn did not come, or was not over, when time was up."""


def each(work, targets, timeout=DEADLINE):
    """Do the same with each of many targets, `AT_ONCE` of them at a time.

    :param work: called with a target, in a thread; it bounds its own waiting
    :param timeout: seconds for all of them; what still waits then goes on in
        its thread, and nobody takes what it finds
    :returns: list, in the order of the targets: what `work` returned, the
        exception that it raised, or an OutOfTime
    """
    targets = list(targets)
    if not targets:
        return []
    pool = concurrent.futures.ThreadPoolExecutor(
        min(AT_ONCE, len(targets)), 'agent-target'
    )
    futures = [pool.submit(work, target) for target in targets]
    concurrent.futures.wait(futures, timeout)
    pool.shutdown(wait=False, cancel_futures=True)
    return [_outcome(future) for future in futures]


def _outcome(future):
    if future.cancelled() or not future.done():
        return OutOfTime('no time was left for it')
    return future.exception() or future.result()


def up(outcome):
    """Whether a target is up, as far as an outcome of :func:`each` tells.

    :returns: 1.0; 0.0 where it was asked and refused, failed or kept silent;
        NaN where it was not asked: no time, no address for its name, or no
        socket left on this node
    """
    if not isinstance(outcome, Exception):
        return 1.0
    if isinstance(outcome, OutOfTime | socket.gaierror):
        return base.NAN
    if isinstance(outcome, OSError) and outcome.errno in _OUR_OWN:
        return base.NAN
    return 0.0
