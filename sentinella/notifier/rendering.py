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

"""Has templates of others rendered, and stops those that take too much.

See :mod:`sentinella.notifier.renderer` for what a template can't do.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import weakref

import jinja2

#: Seconds of CPU that all templates of a message may take; ours take some
#: thousandths.
SECONDS = 0.5

#: Seconds until it is stopped whatever keeps it, such as a busy machine.
LONGEST_WAIT = 10.0

#: Processes of templates at once; each takes some 20 MB.
PROCESSES = 2

STOPPED = 'stopped, since it took too long'


class Renderer:
    """Threads may share it. Its processes are started when they are needed,
    and end with ours."""

    def __init__(self):
        self._room = threading.BoundedSemaphore(PROCESSES)
        self._idle = []
        weakref.finalize(self, _end_all, self._idle)

    def render(self, templates, variables, strict=False):
        """
        :param templates: list of mappings: `form`; `source`; `html`, whether
            what it puts in is to be escaped; `longest`, its most characters
        :param variables: mapping of JSON types
        :param strict: whether unknown names are an error
        :returns: (texts by form, why there is none by form)
        """
        asked = {
            'templates': templates,
            'variables': variables,
            'seconds': SECONDS,
            'strict': strict,
        }
        with self._room:
            answer = self._ask(json.dumps(asked).encode())
        if answer is None:
            return {}, {one['form']: STOPPED for one in templates}
        return answer['texts'], answer['troubles']

    def stop(self):
        """End the processes that are idle; later ones are started anew."""
        _end_all(self._idle)

    def _ask(self, line):
        """
        :returns: what it answers; None where it was stopped
        """
        process = self._idle.pop() if self._idle else _start()
        timer = threading.Timer(LONGEST_WAIT, process.kill)
        timer.start()
        try:
            process.stdin.write(line + b'\n')
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = b''
        finally:
            timer.cancel()
        if not answer.endswith(b'\n'):
            _end(process)
            return None
        self._idle.append(process)
        return json.loads(answer)


def _start():
    script = pathlib.Path(__file__).with_name('renderer.py')
    libraries = pathlib.Path(jinja2.__file__).parents[1]
    return subprocess.Popen(  # noqa: S603
        # -I: neither our folder nor the environment tells it what to import
        [interpreter(), '-I', '-B', script, libraries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd='/',
        env={},
        start_new_session=True,
    )


def _end_all(processes):
    while processes:
        _end(processes.pop())


def _end(process):
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait()


def interpreter():
    """Python's path; a server that has it built in names itself instead."""
    if pathlib.Path(sys.executable or '').name.startswith('python'):
        return sys.executable
    return os.path.join(sys.prefix, 'bin', 'python3')
