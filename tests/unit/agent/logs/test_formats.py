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

"""The logs of what OpenStack stands on, as these write them."""

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella.agent.logs import recognise
from sentinella.knowledge import services

#: What each writes, and what is read: level, pid, logger, the message's start
#: and how many lines of a traceback.
LOGS = {
    'rabbitmq': (
        """\
2026-11-22 07:07:10.011481+00:00 [info] <0.671.0> stopped TCP listener
2026-11-22 07:07:10.012529+00:00 [error] <0.1324.0> Error on AMQP connection
2026-11-22 07:07:10.012529+00:00 [error] <0.1324.0>  operation none caused it
2026-11-22 07:07:10.012649+00:00 [error] <0.1134.0> Error on AMQP connection
2026-11-22 07:07:10.012700+00:00 [warning] <0.9.0> closing AMQP connection:
client unexpectedly closed TCP connection
2026-11-22 07:07:10.013000+00:00 [critical] <0.9.0> out of disk
2026-11-22 07:07:10.014000+00:00 [debug] <0.9.0> [error] is not its level
""",
        [
            ('ERROR', 'rabbitmq', 'Error on AMQP connection\n operation', 0),
            ('ERROR', 'rabbitmq', 'Error on AMQP connection', 0),
            ('WARNING', 'rabbitmq', 'closing AMQP connection:\nclient', 0),
            ('CRITICAL', 'rabbitmq', 'out of disk', 0),
        ],
    ),
    'rabbitmq, before 3.7': (
        """\
=INFO REPORT==== 22-Nov-2026::07:00:00 ===
started TCP Listener on [::]:5672

=ERROR REPORT==== 2-Nov-2026::07:00:01 ===
Error on AMQP connection <0.1.0>:
{heartbeat_timeout,running}

=WARNING REPORT==== 2-Nov-2026::07:00:01 ===
closing AMQP connection <0.1.0>
""",
        [
            ('ERROR', 'rabbitmq', 'Error on AMQP connection <0.1.0>:\n{', 0),
            ('WARNING', 'rabbitmq', 'closing AMQP connection', 0),
        ],
    ),
    'mariadb': (
        """\
2026-11-22  6:40:29 0 [Note] Server socket created on IP: '127.0.0.1'.
2026-11-22  6:40:30 0 [Warning] WSREP: last inactive check more than ago
2026-11-22 16:40:29 139 [ERROR] InnoDB: Unable to lock ./ibdata1
2026-11-22T06:40:29.123456Z 0 [ERROR] [MY-010119] [Server] Aborting
261122  6:40:29 [ERROR] mysqld got signal 11 ;
This could be because you hit a bug.
2026-11-22  6:40:31 0 [Note] [ERROR] is not its level
""",
        [
            ('WARNING', 'mariadb', 'WSREP: last inactive', 0),
            ('ERROR', 'mariadb', 'InnoDB: Unable', 0),
            ('ERROR', 'mariadb', '[MY-010119]', 0),
            ('ERROR', 'mariadb', 'mysqld got signal 11 ;\nThis could', 0),
        ],
    ),
    'postgresql': (
        """\
2026-11-22 06:40:29.982 UTC [12251] LOG:  starting PostgreSQL 15.18
2026-11-22 06:40:30.000 UTC [77] nova@nova ERROR:  duplicate key value
2026-11-22 06:40:30.000 UTC [77] nova@nova DETAIL:  Key (id)=(1) exists.
2026-11-22 06:40:30.000 UTC [77] nova@nova STATEMENT:  INSERT INTO t
\tVALUES (1)
2026-11-22 06:40:31.000 UTC [78] FATAL:  sorry, too many clients already
2026-11-22 06:40:32.000 UTC [79] WARNING:  out of shared memory
2026-11-22 06:40:33.000 UTC [80] PANIC:  could not write to file
""",
        [
            ('ERROR', 'postgresql', 'duplicate key value\nDETAIL: Key', 0),
            ('ERROR', 'postgresql', 'sorry, too many', 0),
            ('WARNING', 'postgresql', 'out of shared', 0),
            ('CRITICAL', 'postgresql', 'could not write', 0),
        ],
    ),
    'libvirt': (
        """\
2026-01-01 10:00:00.123+0000: 1234: info : libvirt version: 9.0.0
2026-01-01 10:00:01.123+0000: 1234: error : virNetSocketReadWire:1793 : EOF
2026-01-01 10:00:02.123+0000: 1235: warning : qemuDomainObjTaint:6 : Domain
2026-01-01 10:00:03.123+0000: 1235: error : no function is named here
""",
        [
            ('ERROR', 'virNetSocketReadWire', 'virNetSocketReadWire:1793', 0),
            ('WARNING', 'qemuDomainObjTaint', 'qemuDomainObjTaint:6', 0),
            ('ERROR', 'libvirt', 'no function', 0),
        ],
    ),
    'ovs': (
        """\
2026-01-01T10:00:00.123Z|00012|reconnect|INFO|unix:/db.sock: connected
2026-01-01T10:00:01.123Z|00013|ofproto_dpif(handler7)|WARN|over 5 ms
2026-01-01T10:00:02.123Z|00014|socket_util|ERR|6640:127.0.0.1: bind: in use
2026-01-01T10:00:03.123Z|00015|util|EMER|assertion failed
""",
        [
            ('WARNING', 'ofproto_dpif(handler7)', 'over 5 ms', 0),
            ('ERROR', 'socket_util', '6640:', 0),
            ('CRITICAL', 'util', 'assertion', 0),
        ],
    ),
    'ceph': (
        """\
2026-01-01T10:00:00.123+0000 7f1234567700  1 mon.a@0(leader) e1 fine
2026-01-01T10:00:01.123+0000 7f1234567700 -1 osd.0 10 heartbeat_check: no
2026-01-01T10:00:02.123456+0000 mon.a (mon.0) 12 : cluster [WRN] Health
2026-01-01T10:00:03.123456+0000 mon.a (mon.0) 13 : cluster [ERR] Failed
""",
        [
            ('ERROR', 'ceph', 'osd.0 10', 0),
            ('WARNING', 'mon.a', 'Health', 0),
            ('ERROR', 'mon.a', 'Failed', 0),
        ],
    ),
    'etcd': (
        """\
{"level":"info","ts":"2026-11-22T07:00:00.000Z","msg":"fine"}
{"level":"warn","ts":"2026-11-22T07:00:01.000Z","caller":"etcdserver/u.go:1",\
"msg":"took too long","took":"1s"}
{"level":"fatal","ts":"2026-11-22T07:00:02.000Z","msg":"ends"}
""",
        [
            ('WARNING', 'etcdserver/u.go', 'took too long {"took": "1s"}', 0),
            ('CRITICAL', 'etcd', 'ends', 0),
        ],
    ),
    'haproxy': (
        """\
Nov 22 07:00:00 ctl haproxy[12]: 10.0.0.1:1 [22/Nov/2026:07:00:00.1] n n/c \
0/0/0/5/5 503 200 - - ---- 1/1/0/0/0 0/0 "GET /error HTTP/1.1"
Nov 22 07:00:01 ctl haproxy[12]: Server nova/ctl2 is DOWN, reason: Layer4
Nov 22 07:00:02 ctl haproxy[12]: backend nova has no server available!
Nov 22 07:00:03 ctl haproxy[12]: Server nova/ctl2 is UP, reason: Layer4
Nov 22 07:00:04 ctl haproxy[12]: [ALERT]    (12) : sendmsg() failed
Nov 22 07:00:05 ctl haproxy[12]: [WARNING]  (12) : all workers ended
""",
        [
            ('ERROR', 'haproxy', 'Server nova/ctl2 is DOWN', 0),
            ('CRITICAL', 'haproxy', 'backend nova', 0),
            ('ERROR', 'haproxy', '[ALERT]', 0),
            ('WARNING', 'haproxy', '[WARNING]', 0),
        ],
    ),
    'syslog': (
        """\
2026-11-22T07:00:00.123456+00:00 ctl chronyd[9]: Selected source 10.0.0.1
2026-11-22T07:00:01.123456+00:00 ctl chronyd[9]: Can't synchronise: no \
selectable sources
Nov 22 07:00:02 ctl Keepalived_vrrp[8]: (VI_1) Entering FAULT STATE
Nov 22 07:00:03 ctl dhclient[7]: error: no lease
Nov 22 07:00:04 ctl nova-api[6]: 2026-11-22 07:00:04.000 6 INFO nova [-] ERROR
Nov 22 07:00:04 ctl nova-api[6]: 2026-11-22 07:00:04.001 6 ERROR nova [-] no
Nov 22 07:00:04 ctl nova-api[6]: 2026-11-22 07:00:04.001 6 ERROR nova KeyError
Nov 22 07:00:05 ctl mine[5]: Traceback (most recent call last):
Nov 22 07:00:05 ctl other[4]: fine
Nov 22 07:00:05 ctl mine[5]:   File "a.py", line 1
Nov 22 07:00:05 ctl mine[5]: ValueError: it
Nov 22 07:00:05 ctl mine[5]: fine again
""",
        [
            ('WARNING', 'chronyd', "Can't synchronise", 0),
            ('ERROR', 'Keepalived_vrrp', '(VI_1) Entering', 0),
            ('ERROR', 'dhclient', 'error: no lease', 0),
            ('ERROR', 'nova', 'no', 1),
            ('ERROR', 'mine', 'ValueError: it', 3),
        ],
    ),
    'apache': (
        """\
[Sun Nov 22 07:00:00.123456 2026] [mpm_event:notice] [pid 1:tid 2] AH00489
[Sun Nov 22 07:00:01.123456 2026] [proxy:error] [pid 1:tid 2] \
[client 10.0.0.1:5] AH00957: failed
[Sun Nov 22 07:00:02.123456 2026] [wsgi:error] [pid 3:tid 4] \
[remote 10.0.0.1:5] mod_wsgi (pid=3): Exception occurred
[Sun Nov 22 07:00:02.123457 2026] [wsgi:error] [pid 3:tid 4] \
[remote 10.0.0.1:5] Traceback (most recent call last):
[Sun Nov 22 07:00:02.123458 2026] [wsgi:error] [pid 3:tid 4] \
[remote 10.0.0.1:5]   File "/usr/bin/keystone-wsgi-public", line 5
[Sun Nov 22 07:00:02.123459 2026] [wsgi:error] [pid 3:tid 4] \
[remote 10.0.0.1:5] ImportError: No module named keystone
[Sun Nov 22 07:00:03.123456 2026] [wsgi:error] [pid 3:tid 4] \
2026-11-22 07:00:03.000 3 INFO keystone [req-0a0a0a0a-1 - -] an ERROR
[Sun Nov 22 07:00:04.123456 2026] [wsgi:error] [pid 3:tid 4] \
2026-11-22 07:00:04.000 3 WARNING keystone [None req-0a0a0a0a-1 - -] hm
[Sun Nov 22 07:00:05.123456 2026] [wsgi:error] [pid 3:tid 4] \
/usr/lib/a.py:5: DeprecationWarning: old
[Sun Nov 22 07:00:06 2026] [crit] [client 10.0.0.1] of Apache 2.2
[Sun Nov 22 07:00:07 2026] [emerg] (28)No space left on device
""",
        [
            ('ERROR', 'proxy', 'AH00957', 0),
            ('ERROR', 'wsgi', 'mod_wsgi (pid=3): Exception', 3),
            ('WARNING', 'keystone', 'hm', 0),
            ('WARNING', 'wsgi', '/usr/lib/a.py:5', 0),
            ('CRITICAL', '', 'of Apache 2.2', 0),
            ('CRITICAL', '', '(28)No space', 0),
        ],
    ),
    'uwsgi': (
        """\
*** Starting uWSGI 2.0.21 (64bit) on [Sun Nov 22 07:00:00 2026] ***
unable to load app 0 (mountpoint='') (callable not found or import error)
2026-11-22 07:00:01.000 3 ERROR placement [req-0a0a0a0a-1 u p] broken
2026-11-22 07:00:01.000 3 ERROR placement Traceback (most recent call last):
2026-11-22 07:00:01.000 3 ERROR placement KeyError
[pid: 3|app: 0|req: 1/1] 10.0.0.1 () {28 vars in 400 bytes} GET /ERROR
Traceback (most recent call last):
  File "a.py", line 1
ValueError: it
Sun Nov 22 07:00:02 2026 - *** uWSGI listen queue of socket "a" full !!! ***
DAMN ! worker 1 (pid: 3) died, killed by signal 9 :( trying respawn ...
Respawned uWSGI worker 1 (new pid: 4)
""",
        [
            ('CRITICAL', 'uwsgi', 'unable to load', 0),
            ('ERROR', 'placement', 'broken', 2),
            ('ERROR', '', 'ValueError: it', 3),
            ('ERROR', 'uwsgi', '*** uWSGI listen queue', 0),
            ('CRITICAL', 'uwsgi', 'DAMN !', 0),
        ],
    ),
    'generic, as gunicorn': (
        """\
[2026-11-22 13:00:00 +0000] [12] [INFO] Starting gunicorn 20.1.0
[2026-11-22 13:00:01 +0000] [12] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "a.py", line 1
ValueError: it
[2026-11-22 13:00:02 +0000] [12] [WARNING] Worker was sent SIGTERM!
2026-11-22 13:00:03,123 django.request CRITICAL no
""",
        [
            ('ERROR', '', 'Exception in worker', 3),
            ('WARNING', '', 'Worker was sent', 0),
            ('CRITICAL', '', 'no', 0),
        ],
    ),
}
#: Formats by whose lines a file is known.
KNOWN = set(LOGS) - {'haproxy'}


def name_of(title):
    return title.partition(',')[0]


def read(form, data, cuts=()):
    parser = recognise.Parser(form)
    found, at = [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += parser.feed(data[at:cut])
        at = cut
    return found + parser.finish()


def seen(found):
    """What the tables above say of records, in the order of their times."""
    return [
        (
            r.level,
            r.logger,
            ' '.join(r.message.split(' ')),
            len((r.traceback or '').splitlines()),
        )
        for r in found
    ]


class TestFormats(base.BaseTestCase):
    def assertSeen(self, expected, found, title):
        self.assertEqual(len(expected), len(found), f'{title}: {found}')
        for wanted, got in zip(
            expected, sorted(found, key=expected_order(expected)), strict=True
        ):
            level, logger, start, lines = wanted
            self.assertEqual((level, logger, lines), (*got[:2], got[3]), title)
            self.assertTrue(got[2].startswith(start), f'{title}: {got}')

    def test_as_told(self):
        for title, (text, expected) in LOGS.items():
            if name_of(title) != 'generic':
                form = recognise.Form(name_of(title))
                found = read(form, text.encode())
                self.assertSeen(expected, seen(found), title)

    def test_as_it_looks(self):
        """A file that is not in the format that it was told to be in."""
        for title in KNOWN:
            text, expected = LOGS[title]
            found = read(recognise.Form(), text.encode())
            self.assertSeen(expected, seen(found), title)

    def test_pieces(self):
        for title, (text, expected) in LOGS.items():
            data = text.encode()
            cuts = range(0, len(data), 7)
            form = recognise.Form(name_of(title))
            found = read(form, data, cuts)
            self.assertSeen(expected, seen(found), title)

    def test_times(self):
        for title, (text, _) in LOGS.items():
            form = recognise.Form(name_of(title))
            times = [r.time for r in read(form, text.encode())]
            if title != 'uwsgi':
                self.assertTrue(all(t[:3] == '202' for t in times), times)
        (record,) = read(
            recognise.Form('mariadb'), b'2026-11-22  6:40:29 0 [ERROR] a\n'
        )
        self.assertEqual('2026-11-22 06:40:29', record.time)
        (record,) = read(
            recognise.Form('postgresql'),
            b'2026-11-22 06:40:29.982 UTC [1] ERROR:  a\n',
        )
        self.assertEqual('2026-11-22 06:40:29.982+00:00', record.time)

    def test_every_format_that_services_may_have(self):
        for name in services.LOG_FORMATS:
            self.assertEqual([], recognise.Form(name).parser().feed(b'\n'))

    @hypothesis.settings(deadline=None, max_examples=200)
    @hypothesis.given(
        st.sampled_from(sorted(LOGS)),
        st.lists(st.integers(0, 2000), max_size=6),
        st.binary(max_size=60),
        st.integers(0, 2000),
    )
    def test_no_bytes_break_any(self, title, cuts, junk, at):
        data = LOGS[title][0].encode()
        data = data[:at] + junk + data[at:]
        for form in (recognise.Form(), recognise.Form(name_of(title))):
            found = read(form, data, [c for c in cuts if c < len(data)])
            for record in found:
                self.assertIn(record.level, ('WARNING', 'ERROR', 'CRITICAL'))

    def test_a_log_that_becomes_another(self):
        """A service that is told to log JSON, or is put behind Apache."""
        parser = recognise.Parser(recognise.Form())
        found = parser.feed(b'2026-11-22 07:00:00.000 1 ERROR a [-] one\n' * 5)
        found += parser.feed(LOGS['apache'][0].encode())
        found += parser.finish()
        self.assertEqual(5 + 6, len(found))

    def test_what_is_quoted_does_not_make_it_another(self):
        parser = recognise.Parser(recognise.Form())
        found = parser.feed(b'2026-11-22 07:00:00.000 1 ERROR a [-] said:\n')
        found += parser.feed(b'2026-01-01T10:00:01.1Z|00013|a|WARN|quoted\n')
        found += parser.feed(b'2026-11-22 07:00:01.000 1 ERROR a [-] two\n')
        found += parser.finish()
        self.assertEqual(2, len(found))

    def test_endless_lines_take_no_time(self):
        long = b'a' * (1 << 20)
        for name in services.LOG_FORMATS:
            parser = recognise.Form(name).parser()
            for start in (
                b'',
                b'[',
                b'2026-11-22 07:00:00.000 1 ERROR a [',
                b'2026-11-22T',
                b'Nov 22 07:00:00 ',
                b'{"level":',
            ):
                parser.feed(start + long + b'\n')
            parser.finish()


def expected_order(expected):
    """Records of several processes may end in another order."""

    def order(got):
        for i, (level, logger, start, _) in enumerate(expected):
            if (level, logger) == got[:2] and got[2].startswith(start):
                return i
        return len(expected)

    return order
