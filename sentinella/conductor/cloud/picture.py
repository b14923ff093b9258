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

"""What follows from the answers, and from those before: PURE.

An API that can't be asked makes nothing behind it look down: what it said of
last is then not known.
"""

import dataclasses
import math

from sentinella import model
from sentinella.conductor.cloud import view
from sentinella.knowledge import cloud

#: Services of the server `cloud`: with the longest names and reasons that
#: there are, all of them still fit into one report.
MAX_SERVICES = 6000

CANNOT_TELL = 'cannot tell'

_UP, _DOWN, _UNKNOWN = model.ServiceState
#: Which of two says more of one that is there twice.
_WORST = (_DOWN, _UNKNOWN, _UP)


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """
    :ivar views: mapping of Questions to Views, for the next one
    :ivar frames: tuples of Samples, each of distinct metrics and never more
        than a frame holds
    :ivar services: ServiceStatuses, all that there are
    :ivar left_out: how many samples and services there was no room for
    """

    views: dict
    frames: tuple = ()
    services: tuple = ()
    left_out: int = 0


def draw(answers, before, now):
    """
    :param answers: mapping of Questions to Answers
    :param before: the Picture before this one
    """
    views = {
        question: _view(answer, before.views.get(question))
        for question, answer in answers.items()
    }
    frames = [_distinct(one.samples) for one in views.values()]
    said = [status for one in views.values() for status in one.services]
    services = _services([*_apis(answers), *said], before, now)
    left_out = sum(
        len(one) - model.MAX_SAMPLES for one in frames if _full(one)
    )
    left_out += max(len(services) - MAX_SERVICES, 0)
    frames = [one[: model.MAX_SAMPLES] for one in frames if one]
    return Picture(
        views=views,
        frames=(_of_apis(answers, left_out), *frames),
        services=services[:MAX_SERVICES],
        left_out=left_out,
    )


def recall(questions, services):
    """What another conductor has left.

    :param questions: those that will be asked
    :param services: ServiceStatuses of the server `cloud`
    :returns: Picture
    """
    views = {}
    for question in questions:
        known = tuple(
            status
            for status in services
            if status.project == question.api and status.name != question.api
        )
        if question.tells:
            views[question] = view.View(services=known)
    return Picture(views, services=tuple(services))


def _view(answer, before):
    if answer.view is not None:
        return answer.view
    if before is None:
        return view.View()
    return view.View(
        tuple(
            dataclasses.replace(sample, value=math.nan)
            for sample in before.samples
        ),
        tuple(_unknown(status, answer.problem) for status in before.services),
    )


def _unknown(status, problem):
    reason = status.reason
    # that it is disabled stays true until somebody says otherwise
    if not reason.startswith(cloud.DISABLED):
        reason = f'{CANNOT_TELL}: {problem}'[: view.MAX_TEXT]
    return dataclasses.replace(status, state=_UNKNOWN, reason=reason)


def _distinct(samples):
    """Each metric once, with the worst that is said of it."""
    found = {}
    for sample in samples:
        known = found.setdefault(sample.metric, sample)
        if sample.value < known.value or math.isnan(known.value):
            found[sample.metric] = sample
    return tuple(found.values())


def _full(frame):
    return len(frame) > model.MAX_SAMPLES


def _services(statuses, before, now):
    """Each service once, what matters most first, and since when."""
    statuses = sorted(statuses, key=lambda one: _WORST.index(one.state))
    found = {}
    for status in statuses:
        found.setdefault(status.name, status)
    known = {status.name: status for status in before.services}
    return tuple(
        _dated(status, known.get(status.name), now)
        for status in found.values()
    )


def _dated(status, known, now):
    same = known is not None and known.state == status.state
    return dataclasses.replace(status, since=known.since if same else now)


def _by_api(answers):
    """
    :returns: mapping of APIs to the Answers of each
    """
    found = {}
    for question, answer in answers.items():
        found.setdefault(question.api, []).append(answer)
    return found


def _is_up(answers):
    """
    :returns: whether all was answered, None where nothing could be asked
    """
    if any(answer.problem and answer.asked for answer in answers):
        return False
    return True if all(answer.asked for answer in answers) else None


def _apis(answers):
    """The APIs themselves."""
    states = {True: _UP, False: _DOWN, None: _UNKNOWN}
    for api, several in _by_api(answers).items():
        problems = sorted({one.problem for one in several if one.problem})
        yield model.ServiceStatus(
            name=api,
            state=states[_is_up(several)],
            since=0.0,
            project=api,
            evidence='what a conductor asked it',
            reason='; '.join(problems)[: view.MAX_TEXT],
        )


def _of_apis(answers, left_out):
    samples = [view.sample('cloud.left_out', left_out)]
    for api, several in _by_api(answers).items():
        slowest = max(answer.seconds for answer in several)
        is_up = _is_up(several)
        samples += [
            view.sample('cloud.api.up', is_up, service=api),
            view.sample(
                'cloud.api.seconds', slowest if is_up else None, service=api
            ),
        ]
    return tuple(samples)
