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


"""sentinella-standalone: all of it in one process, for a first look."""

import argparse
import os
import pathlib
import signal
import sys
import tempfile
import threading

from oslo_db import options as db_options

from sentinella import exceptions
from sentinella import service
from sentinella.standalone import demo
from sentinella.standalone import screen
from sentinella.standalone import service as standalone

BANNER = """\
Sentinella, standalone: NO KEYSTONE, whoever is on this machine is its admin.
It listens on loopback only and watches this machine. Not for production.

  API   {url}
  log   {log}

Ask it from another terminal:

  {hint}
"""


def parse(argv):
    state_home = os.environ.get('XDG_STATE_HOME', '~/.local/state')
    parser = argparse.ArgumentParser(
        prog='sentinella-standalone', description=__doc__
    )
    parser.add_argument(
        '--demo',
        action='store_true',
        help='watch a harmless process, kill it, show its page, and end',
    )
    parser.add_argument(
        '--port',
        type=int,
        help='of the API, on loopback; 0 takes any that is free',
    )
    parser.add_argument(
        '--state-path',
        type=pathlib.Path,
        default=pathlib.Path(state_home).expanduser() / 'sentinella',
        help='directory of the database, the spool and the log',
    )
    parser.add_argument('--config-file', action='append', default=[])
    return parser.parse_args(argv)


def configure(args):
    """
    :returns: the configuration, and the log file's path
    """
    state = args.state_path.resolve()
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = state / 'standalone.log'
    argv = ['--log-file', str(log)]
    for path in args.config_file:
        argv += ['--config-file', path]
    conf = service.prepare(
        argv,
        prog='sentinella-standalone',
        default_config_files=[],
        report=False,
    )
    conf.set_default('state_path', str(state))
    db_options.set_defaults(
        conf, connection=f'sqlite:///{state}/sentinella.db'
    )
    if args.port is not None:
        conf.set_override('standalone_port', args.port, group='api')
    return conf, log


def ended_by_signal():
    """
    :returns: Event that SIGINT and SIGTERM set
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended


def hint(url):
    """The command line that lists servers, to paste."""
    openstack = pathlib.Path(sys.executable).parent / 'openstack'
    shortest = min(str(openstack), os.path.relpath(openstack), key=len)
    return (
        f'{shortest} --os-auth-type none --os-endpoint {url} '
        'sentinella server list'
    )


def watch(args):
    """Run until a signal; the demo is not for here."""
    conf, log = configure(args)
    ended = ended_by_signal()
    running = standalone.Standalone(conf)
    running.start()
    try:
        url = running.api.url
        print(BANNER.format(url=url, log=log, hint=hint(url)), flush=True)
        screen.Screen(running, hint(url)).show(ended)
    finally:
        running.stop()


def show_demo(args):
    """Run the demo in a directory of its own, that nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix='sentinella-demo-') as directory:
        args.state_path = pathlib.Path(directory)
        args.port = 0 if args.port is None else args.port
        conf, _ = configure(args)
        demo.run(conf, args.state_path)


def main():
    args = parse(sys.argv[1:])
    try:
        (show_demo if args.demo else watch)(args)
    except (exceptions.SentinellaError, OSError) as error:
        service.exit_with(error)
