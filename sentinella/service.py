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

"""How every process of Sentinella starts, runs its loops and stops."""

import random
import signal
import sys
import threading

from oslo_config import cfg
from oslo_log import log
from oslo_reports import opts as report_opts
from oslo_service import service

from sentinella import conf as options
from sentinella import exceptions
from sentinella import version

LOG = log.getLogger(__name__)

#: Chatty at INFO, and about themselves rather than the cloud.
QUIET_LIBRARIES = [
    'alembic=WARN',
    'cotyledon=WARN',
    'futurist=WARN',
    'oslo_service=WARN',
    # what it can not find or load, plugins.py tells
    'stevedore=ERROR',
    'waitress=WARN',
]


def prepare(
    argv, prog=None, default_config_files=None, report=True, extend=None
):
    """Read the configuration and set up logging; once, in each process.

    This is the only place that names the global `cfg.CONF`: oslo.messaging
    has RPC options that exist only there.

    :param argv: the command line without its first word
    :param report: whether SIGUSR2 prints a Guru Meditation Report; not for
        WSGI, whose server owns the signals
    :param extend: called with the `ConfigOpts` before the command line is
        read, to add what only this command understands
    :returns: the `ConfigOpts` to pass on
    :raises InvalidConfiguration: a file or a value can't be used; names it
    """
    conf = cfg.CONF
    log.register_options(conf)
    log.set_defaults(
        default_log_levels=log.get_default_log_levels() + QUIET_LIBRARIES
    )
    options.register_opts(conf)
    if extend is not None:
        extend(conf)
    try:
        conf(
            argv,
            project='sentinella',
            prog=prog,
            version=version.version_string(),
            default_config_files=default_config_files,
        )
        _read_all(conf)
    except cfg.Error as error:
        raise exceptions.InvalidConfiguration(' '.join(str(error).split()))
    log.setup(conf, 'sentinella')
    if report:
        _meditate_when_asked(conf)
    return conf


def _meditate_when_asked(conf):
    """Have SIGUSR2 print a Guru Meditation Report.

    What makes one is imported then: 4 MB that hardly any process ever needs.
    """
    report_opts.set_defaults(conf)

    def meditate(number, frame):
        from oslo_reports import guru_meditation_report as reports

        reports.TextGuruMeditation.handle_signal(
            version, None, conf.oslo_reports.log_dir, frame
        )

    if conf.oslo_reports.file_event_handler:
        from oslo_reports import guru_meditation_report as reports

        reports.TextGuruMeditation.setup_autorun(version, conf=conf)
    else:
        signal.signal(signal.SIGUSR2, meditate)


def _read_all(conf):
    """oslo.config reads a value when it is asked for: hours later, perhaps,
    and in a thread that nobody looks at."""
    for group in options.GROUPS:
        for section, opts in group.list_opts():
            read_options(conf, section.name if section else None, opts)


def read_options(conf, section, opts):
    """
    :param section: None for DEFAULT
    :raises InvalidConfiguration: one of them has a value that can't be used
    """
    values = conf[section] if section else conf
    for opt in opts:
        try:
            values[opt.dest]
        except cfg.ConfigFileValueError as error:
            said = str(error).rpartition('is not valid: ')[2]
            raise exceptions.InvalidConfiguration(
                f'[{section or "DEFAULT"}] {opt.name}: {said}'
            )


class Guard:
    """Does work whose failure must not take others along.

    A failure is logged when it differs from the one before, and counted in
    `failures`.
    """

    def __init__(self, name):
        self.name = name
        self.failures = 0
        self._last_failure = None

    def run(self, work, *args):
        """
        :returns: whether it went well
        """
        failure = None
        try:
            work(*args)
        except Exception as error:
            failure = error
        if failure is not None:
            self.failed(failure)
            return False
        self.went_well()
        return True

    def went_well(self):
        """Note it, and say so after a failure."""
        if self._last_failure:
            LOG.info('%s works again', self.name)
        self._last_failure = None

    def failed(self, error):
        """Note it, and say so if the time before was another.

        To be called outside of the `except`, or oslo.log adds the error to
        the line that tells it.
        """
        self.failures += 1
        failure = f'{type(error).__name__}: {error}'
        if failure != self._last_failure:
            # what we raise ourselves says all in one line
            ours = isinstance(error, exceptions.SentinellaError)
            LOG.error(
                '%s failed, and goes on: %s',
                self.name,
                error if ours else failure,
                exc_info=None if ours else error,
            )
        self._last_failure = failure


class Loop:
    """A named thread that does its work every `interval` seconds.

    It survives whatever the work raises, as :class:`Guard` does.

    :param work: called without arguments; what it returns is ignored
    :param interval: seconds from one end of the work to the next start
    :param jitter: share of the interval, at random, added to each wait so
        that many nodes don't act at once
    :param due: called after the work; tells in how many seconds there is
        more to do, if that is before the interval ends, or None
    """

    def __init__(self, name, work, interval, jitter=0.0, due=None):
        self.name = name
        self._work = work
        self._interval = interval
        self._jitter = jitter
        self._due = due
        self._due_in = None
        self._guard = Guard(name)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(
            target=self._run, name=name, daemon=True
        )

    @property
    def failures(self):
        """How many times the work failed."""
        return self._guard.failures

    def start(self):
        self._thread.start()
        return self

    def wake(self):
        """Have the work done now, or once more right after this time."""
        self._wake.set()

    def stop(self, timeout=10.0):
        """Let the present work end, then the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self):
        while not self._stopping:
            self._wake.clear()
            self._due_in = None
            self._guard.run(self._do_work)
            pause = self._interval * (1 + self._jitter * random.random())  # noqa: S311
            if self._due_in is not None:
                pause = min(pause, self._due_in)
            if not self._stopping:
                self._wake.wait(pause)

    def _do_work(self):
        self._work()
        if self._due is not None:
            self._due_in = self._due()


class Worker(service.Service):
    """Runs one of our processes' work in a process that oslo.service forked.

    :param build: called in that process; returns an object with `start()`
        and `stop()`, which opens its transport and engine only then
    """

    def __init__(self, build):
        super().__init__()
        self._build = build
        self._running = None

    def start(self):
        super().start()
        self._running = self._build()
        self._running.start()

    def stop(self, graceful=True):
        if self._running is not None:
            self._running.stop()
            self._running = None
        super().stop(graceful)


def launch(conf, build, workers):
    """Run `workers` processes until a signal ends them.

    :param build: see :class:`Worker`
    """
    launcher = service.ProcessLauncher(conf, restart_method='mutate')
    launcher.launch_service(Worker(build), workers=workers)
    launcher.wait()


def serve(prog, group, process):
    """Be one of the services that run in several processes.

    :param group: of the option that says in how many, `workers`
    :param process: called with the configuration in each of them; see
        :class:`Worker`
    """
    try:
        conf = prepare(sys.argv[1:], prog=prog)
        # nothing is opened yet: what is wrong is told here, once, and not by
        # each worker
        process(conf)
        launch(conf, lambda: process(conf), conf[group].workers)
    except exceptions.SentinellaError as error:
        exit_with(error)


def run(conf, running):
    """Run one object in this very process until SIGTERM or SIGINT.

    For those that must stay small, or keep all their parts together: no
    master, no fork. SIGHUP re-reads the options that may change.

    :param running: has `start()` and `stop()`
    """
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    signal.signal(signal.SIGHUP, lambda *_: conf.mutate_config_files())
    try:
        running.start()
        ended.wait()
    finally:
        running.stop()


def exit_with(error):
    """End the process with one line on stderr."""
    sys.exit(f'{sys.argv[0].rpartition("/")[2]}: {error}')
