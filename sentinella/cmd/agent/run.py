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

"""Watches this node: what runs for months, so it imports little."""

import contextlib
import ctypes
import fcntl
import os

from oslo_config import cfg

from sentinella import exceptions
from sentinella import service
from sentinella.agent import service as agent_service
from sentinella.rpc import conductor
from sentinella.rpc import transport

#: Of mallopt(3).
_M_ARENA_MAX = -8

_PIDFILE = cfg.StrOpt(
    'pidfile',
    metavar='FILE',
    help='File that holds the process id while the agent runs. A second '
    'agent with the same file does not start.',
)


def run(argv):
    """Watch this node until a signal comes."""
    use_one_arena()
    transport.wait_calmly()
    conf = service.prepare(
        argv,
        prog='sentinella-agent',
        extend=lambda conf: conf.register_cli_opt(_PIDFILE),
    )
    client = conductor.ConductorClient(
        transport.get_transport(conf), conf.agent.report_timeout
    )
    with pidfile(conf.pidfile):
        service.run(conf, agent_service.Agent(conf, client))
    return 0


def use_one_arena():
    """Have all threads share one heap of the C library.

    Each would get one of its own, 1.5 MiB of memory in all that nobody uses:
    Python lets one thread at a time allocate anyway.
    """
    libc = ctypes.CDLL(None)
    # musl has no arenas
    if hasattr(libc, 'mallopt'):
        libc.mallopt(_M_ARENA_MAX, 1)


@contextlib.contextmanager
def pidfile(path):
    """Keep a file that says who runs, as long as the block does.

    :param path: None for no file
    :raises InvalidConfiguration: it can't be written, or another agent has it
    """
    if not path:
        yield
        return
    try:
        file = open(path, 'a+')
    except OSError as error:
        raise exceptions.InvalidConfiguration(
            f'pidfile {path}: {error.strerror}'
        )
    with file:
        _lock(file)
        file.truncate(0)
        file.write(f'{os.getpid()}\n')
        file.flush()
        yield
        with contextlib.suppress(OSError):
            os.unlink(path)


def _lock(file):
    try:
        # goes with the process, however that ends
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise exceptions.InvalidConfiguration(
            f'pidfile {file.name}: an agent runs already, process '
            f'{file.read(20).strip() or "unknown"}'
        )
