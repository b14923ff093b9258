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

"""Looks whether all that the agent needs is there, and says what is not."""

import dataclasses
import enum
import glob
import grp
import json
import math
import os
import pwd
import stat
import sys

import rich.markup

from sentinella import exceptions
from sentinella.agent import identity
from sentinella.agent import state
from sentinella.agent.collectors import clock as kernel
from sentinella.agent.publish import https
from sentinella.cmd.agent import arguments
from sentinella.cmd.agent import configfile
from sentinella.cmd.agent import discover
from sentinella.cmd.agent import once
from sentinella.cmd.agent import output
from sentinella.cmd.agent import trial
from sentinella.rpc import reach

#: Seconds to wait for each host of the message bus.
TIMEOUT = 3.0
#: Seconds by which a clock may be off.
OFFSET = 1.0


class Verdict(enum.StrEnum):
    OK = 'ok'
    #: nothing to do about it, or nothing that keeps the agent from working
    NOTE = 'note'
    FAILS = 'fails'


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """
    :ivar what: what was seen, in a line
    :ivar remedy: what to do about it, or ''
    """

    subject: str
    verdict: Verdict
    what: str
    remedy: str = ''


def check(argv):
    """Look whether the configuration, the files, the message bus, the clock
    and each collector are as the agent needs them, and say what to do where
    they are not. Run by root it looks with the eyes of the agent's user.
    Exits with 1 where anything fails."""
    parser = arguments.Parser('check', check.__doc__)
    parser.add_argument(
        '--user',
        default=configfile.USER,
        help='whom the agent runs as; default: %(default)s',
    )
    arguments.add_config(parser)
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    findings = [become(given.user), *program()]
    if findings[-1].verdict is not Verdict.FAILS:
        findings += look(given)
    _show(findings, given.format)
    return int(any(f.verdict is Verdict.FAILS for f in findings))


def program():
    """Whether the agent's user may read what it is to run."""
    for path in (sys.executable, os.__file__, identity.__file__):
        if not os.access(path, os.R_OK):
            yield _fails(
                'program',
                f'{path}: may not be read',
                'install it where all users may read it; the packages do',
            )
            return


def look(given):
    """
    :param given: the command's arguments
    :returns: iterable of Findings
    """
    try:
        conf = arguments.prepare(given)
    except exceptions.SentinellaError as error:
        remedy = 'correct it, or make a new one: sentinella-agent init'
        yield _fails('configuration', str(error), remedy)
        return
    arguments.be_quiet()
    node = discover.look(conf)
    yield from configuration(conf)
    yield from state_path(conf)
    yield who(conf)
    yield from services(node)
    for route in conf.agent.routes:
        yield {'bus': bus, 'https': rest}[route](conf)
    yield clock()
    for found in trial.collect(conf, node):
        yield collector(found)


def _fails(subject, what, remedy=''):
    return Finding(subject, Verdict.FAILS, what, remedy)


def become(user):
    """Go on as the agent's user, where we are root: root sees everything."""
    if os.geteuid() != 0:
        name = _user_name(os.geteuid())
        if name == user:
            return Finding('user', Verdict.OK, f'runs as {name}')
        remedy = f'run this command as root, or as {user}'
        what = f'runs as {name}: what {user} may do is not known'
        return Finding('user', Verdict.NOTE, what, remedy)
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        remedy = f'useradd --system --groups adm {user}'
        what = f'there is no user {user}, so root is who looks'
        return Finding('user', Verdict.NOTE, what, remedy)
    groups = os.getgrouplist(user, entry.pw_gid)
    os.setgroups(groups)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    # that of root is not for it to use
    os.environ['HOME'] = entry.pw_dir
    names = ', '.join(sorted(map(_group_name, groups)))
    return Finding('user', Verdict.OK, f'looks as {user}, of groups {names}')


def _user_name(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid):
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def configuration(conf):
    """Which files were read, and who else may."""
    files = list(conf.config_file or ())
    for directory in conf.config_dir or ():
        files += sorted(glob.glob(os.path.join(directory, '*.conf')))
    if not files:
        yield Finding(
            'configuration',
            Verdict.NOTE,
            'there is no file, so all options have their defaults',
            'sentinella-agent init',
        )
        return
    yield Finding('configuration', Verdict.OK, f'read {", ".join(files)}')
    for path in files:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o007:
            yield _fails(
                'configuration',
                f'{path} holds secrets, and all may read or write it '
                f'(mode {mode:04o})',
                f'chmod 0640 {path}',
            )


def state_path(conf):
    """Whether the agent can keep its spool and what it knows."""
    path = os.path.join(conf.state_path, 'agent')
    found = path
    while not os.path.exists(found):
        found = os.path.dirname(found)
    needed = os.R_OK | os.W_OK | os.X_OK
    if not os.access(found, needed):
        yield _fails(
            'state_path',
            f'{found}: may not be written to',
            f'install -d -o {configfile.USER} -g {configfile.USER} -m 0750 '
            f'{conf.state_path}',
        )
        return
    if found == path:
        closed = [
            entry.path
            for entry in _files_below(path)
            if not os.access(entry.path, os.R_OK | os.W_OK)
        ]
        for name in closed[:3]:
            remedy = f'chown -R {configfile.USER}: {path}'
            yield _fails('state_path', f'{name}: may not be written', remedy)
    room = os.statvfs(found)
    free = room.f_bavail * room.f_frsize
    if free < conf.agent.spool_max_bytes:
        yield _fails(
            'state_path',
            f'{conf.state_path}: {free >> 20} MiB are free, and the spool may '
            f'take {conf.agent.spool_max_bytes >> 20} MiB',
            'make room, or lower [agent] spool_max_bytes',
        )
    else:
        what = f'{conf.state_path}: {free >> 20} MiB are free'
        yield Finding('state_path', Verdict.OK, what)


def _files_below(path):
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if os.access(entry.path, os.R_OK | os.X_OK):
                    yield from _files_below(entry.path)
                    continue
            yield entry


def who(conf):
    """Which server this is, and by which key."""
    path = os.path.join(conf.state_path, 'agent')
    made = [os.path.join(path, n) for n in (identity.FILE, identity.KEY)]
    if not all(map(os.path.exists, made)):
        return Finding(
            'identity',
            Verdict.NOTE,
            'none yet: the agent makes a key when it first starts',
            'sentinella-agent init makes it now, and shows its fingerprint',
        )
    try:
        me = identity.Identity(state.State(path))
    except exceptions.SentinellaError as error:
        return _fails('identity', str(error))
    rotating = ', a next one waits to be registered' if me.rotating else ''
    what = f'server {me.server}, key {me.fingerprint}{rotating}'
    return Finding('identity', Verdict.OK, what)


def services(node):
    """What runs here, and whether its logs can be read."""
    names = ', '.join(sorted(node.services)) or 'none'
    yield Finding('services', Verdict.OK, f'found {names}')
    for name in sorted(node.services):
        for path in node.services[name].log_files:
            if not os.access(path, os.R_OK):
                yield _fails(f'logs of {name}', f'{path}: {_why_not(path)}',
                             _let_in(path))  # fmt: skip


def _why_not(path):
    try:
        os.stat(path)
    except OSError as error:
        return error.strerror
    return 'may not be read'


def _let_in(path):
    """What opens a log to the agent: its group where that may read it."""
    try:
        entry = os.stat(path)
        if entry.st_mode & stat.S_IRGRP and entry.st_gid != 0:
            group = _group_name(entry.st_gid)
            return f'usermod -aG {group} {configfile.USER}, then restart it'
    except OSError:
        pass
    return f'setfacl -m u:{configfile.USER}:rX {os.path.dirname(path)} {path}'


def bus(conf):
    """Whether reports can go to a conductor."""
    try:
        reached = reach.reach(conf, TIMEOUT)
    except exceptions.InvalidConfiguration as error:
        return _fails('message bus', str(error), 'sentinella-agent init')
    except exceptions.BusUnavailable as error:
        remedy = 'look at [DEFAULT] transport_url, and whether RabbitMQ runs'
        return _fails('message bus', str(error), remedy)
    if not reached.where:
        return Finding(
            'message bus', Verdict.NOTE, 'is that of this very process'
        )
    if not reached.listeners:
        return _fails(
            'message bus',
            f'{reached.where} lets us in, but no conductor listens there',
            'start sentinella-conductor, with the same transport_url',
        )
    count = reached.listeners
    plural = 'conductor listens' if count == 1 else 'conductors listen'
    what = f'{reached.where} lets us in, {count} {plural}'
    return Finding('message bus', Verdict.OK, what)


def rest(conf):
    """Whether reports can go over the REST API."""
    try:
        where = https.HttpsRoute(conf).look()
    except exceptions.SentinellaError as error:
        remedy = 'look at [agent_rest], or leave https out of [agent] routes'
        return _fails('REST API', str(error), remedy)
    return Finding('REST API', Verdict.OK, f'answers at {where}')


def clock():
    """Whether the clock is right, and kept so."""
    offset, kept = kernel.ask_chrony() or kernel.ask_kernel()
    if math.isnan(kept):
        what = 'whether anything keeps it right can not be told here'
        return Finding('clock', Verdict.NOTE, what)
    if not kept:
        remedy = 'install chrony; in a container, look at the host'
        what = 'nothing on this node keeps it right'
        return Finding('clock', Verdict.NOTE, what, remedy)
    if abs(offset) > OFFSET:
        return _fails('clock', f'is off by {offset:.1f} s', 'chronyc makestep')
    return Finding('clock', Verdict.OK, f'is off by {offset:.6f} s')


def collector(found):
    """
    :param found: a :class:`sentinella.cmd.agent.trial.Tried`
    """
    subject = f'collector {found.name}'
    if found.outcome is trial.Outcome.FAILS:
        remedy = found.remedy or (
            f'or do without it: sentinella-agent disable {found.name}'
        )
        return _fails(subject, found.what, remedy)
    if found.outcome is trial.Outcome.IDLE:
        return Finding(subject, Verdict.OK, 'has nothing to do here')
    what = f'gives {len(found.samples)} values'
    if found.unknown():
        what += f', {found.unknown()} of them not known yet'
    down = [
        f'{sample.metric.name} {once.of(sample.metric)}'.strip()
        for sample in found.down()
    ]
    if down:
        more = f' and {len(down) - 3} more' if len(down) > 3 else ''
        what += f'; it sees down: {", ".join(down[:3])}{more}'
    return Finding(subject, Verdict.OK, what)


def _show(findings, wanted):
    if wanted == 'json':
        plain = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps(plain, indent=2))
        return
    colors = {Verdict.OK: 'green', Verdict.NOTE: 'yellow'}
    table = output.table('', 'What', 'Was seen', 'What to do')
    for finding in findings:
        color = colors.get(finding.verdict, 'bold red')
        table.add_row(
            f'[{color}]{finding.verdict}[/]',
            finding.subject,
            rich.markup.escape(finding.what),
            rich.markup.escape(finding.remedy),
        )
    output.show(table)
