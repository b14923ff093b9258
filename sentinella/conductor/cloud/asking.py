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

"""Asks the APIs, all at once, each for a bounded time.

None waits for another, and none that hangs is asked again meanwhile: what is
slow is not made slower.
"""

import concurrent.futures
import dataclasses
import threading
import time

from sentinella import exceptions
from sentinella import service
from sentinella.conductor.cloud import problems
from sentinella.conductor.cloud import view

#: What everything else waits for, and is not asked without.
TOKEN = view.Question(
    'keystone',
    'a token',
    None,
    lambda clients: clients.session.get_token(),
    lambda token, server: view.View(),
)

#: Seconds that a client has to say itself that its time is over; it says
#: more of it.
GRACE = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """
    :ivar view: None where there was none
    :ivar problem: why there was none
    :ivar asked: False where there was no token to ask with
    :ivar seconds: how long it took
    """

    view: view.View | None
    problem: str = ''
    asked: bool = True
    seconds: float = 0.0


class Asking:
    """
    :param clients: Clients
    :param questions: Questions
    """

    def __init__(self, clients, questions):
        self._clients = clients
        self._questions = questions
        self._timeout = clients.timeout
        self._guards = {
            one: service.Guard(f'Asking {one}') for one in (TOKEN, *questions)
        }
        self._pending = {}

    def ask(self, server):
        """
        :param server: function that makes a server's name of a host
        :returns: mapping of Questions to Answers; what is not in the catalog
            is not among them
        """
        answers = self._ask([TOKEN], server)
        missing = answers[TOKEN].problem
        if missing:
            return answers | {
                one: Answer(None, missing, asked=False)
                for one in self._questions
            }
        return answers | self._ask(self._questions, server)

    def _ask(self, questions, server):
        for one in questions:
            if one not in self._pending:
                self._pending[one] = self._begin(one, server)
        waiting = [self._pending[one] for one in questions]
        concurrent.futures.wait(waiting, self._timeout + GRACE)
        answers = {one: self._answer(one) for one in questions}
        return {one: answer for one, answer in answers.items() if answer}

    def _begin(self, question, server):
        """A thread, and not one of a pool: the process must not wait at its
        end for one that hangs."""
        future = concurrent.futures.Future()
        threading.Thread(
            target=self._work,
            args=(question, server, future),
            name=f'cloud {question}',
            daemon=True,
        ).start()
        return future

    def _work(self, question, server, future):
        began = time.monotonic()
        found, problem = None, ''
        try:
            if not self._is_there(question):
                future.set_result(None)
                return
            found = question.read(question.ask(self._clients), server)
        except Exception as error:
            problem = problems.explain(error)
        seconds = time.monotonic() - began
        future.set_result(Answer(found, problem, seconds=seconds))

    def _is_there(self, question):
        wanted = question.service_type
        return wanted is None or self._clients.has(wanted)

    def _answer(self, question):
        """
        :returns: Answer, None where there is no such API
        """
        future, guard = self._pending[question], self._guards[question]
        if future.done():
            del self._pending[question]
            answer = future.result()
        else:
            answer = Answer(
                None,
                f'no answer within {self._timeout:.10g} s',
                seconds=self._timeout,
            )
        if answer is not None and answer.problem:
            guard.failed(exceptions.ApiUnavailable(answer.problem))
        else:
            guard.went_well()
        return answer
