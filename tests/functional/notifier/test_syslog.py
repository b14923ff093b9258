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

"""Syslog: the contract, what is written, and a real rsyslog."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time

import fixtures
from oslotest import base

from sentinella import exceptions
from sentinella import plugins
from sentinella.notifier import syslog
from tests import mailserver
from tests import servers
from tests import syslogs
from tests import webserver
from tests.functional.notifier import over_http
from tests.functional.notifier import test_drivers

GROUP = 'notifier_syslog'
ORIGIN = syslog.Origin('local3', 'sentinella', 'ctl-01.example.org', 32473)

#: What a message is never to become, whatever a thing is called.
FORGED = '\n<0>1 - - - - - - forged\r\n9 <0>1 - -\x00\x1b[2J"] <0>1 \\'


def load(sockets=(), **how):
    conf = test_drivers.make_conf(**how)
    driver = plugins.load('sentinella.notifiers', 'syslog', conf)
    conf.set_override('sockets', list(sockets), GROUP)
    return driver


class TestSyslog(test_drivers.DriverContract, base.BaseTestCase):
    """Over TCP, which is what a channel gets that says nothing of it."""

    driver = 'syslog'

    def make_settings(self):
        self.server = self.useFixture(syslogs.Rsyslog())
        return {'host': 'localhost', 'port': self.server.ports['tcp']}

    def sent(self):
        return [one['raw'] for one in self.server.messages()]

    def arrived(self, settings, message):
        """
        :returns: what rsyslog made of a message
        """
        before = len(self.server.messages())
        self.sender.check(settings)
        self.sender.send(settings, message)
        (found,) = self.server.messages()[before:]
        return found

    def test_all_of_it(self):
        said = over_http.news(
            summary='größe 温度 \U0001f525', reason='"a" [b] \\c %s'
        )
        self.settings |= {'facility': 'local7', 'app_name': 'cloud-eu'}
        found = self.arrived(self.settings, said)
        self.assertEqual('local7', found['facility'])
        self.assertEqual('crit', found['severity'])
        self.assertEqual(said['at'], found['at'])
        self.assertEqual(self.sender.conf.host, found['host'])
        self.assertEqual('cloud-eu', found['app_name'])
        self.assertEqual('alarm', found['kind'])
        self.assertEqual(
            '\ufeffgröße 温度 \U0001f525: "a" [b] \\c %s', found['text']
        )
        self.assertEqual(
            {
                'sentinella@32473': {
                    'notification_id': said['id'],
                    'alarm_id': said['alarm']['id'],
                    'kind': 'alarm',
                    'severity': 'critical',
                    'state': 'ALARM',
                    'definition': 'service-down',
                    'server': 'ctl-01.example.org',
                    'service': 'nova-scheduler',
                    'project_id': said['project_id'],
                }
            },
            json.loads(found['parsed']),
        )

    def test_each_way(self):
        local = load(sockets=[self.server.socket])
        for settings, name in (
            ({'transport': 'udp'}, 'imudp'),
            ({'transport': 'tcp'}, 'imtcp'),
            ({'transport': 'tls', 'cafile': str(self.server.cafile)}, 'imtcp'),
            ({'socket': self.server.socket}, 'imuxsock'),
        ):
            if 'transport' in settings:
                port = self.server.ports[settings['transport']]
                settings |= {'host': 'localhost', 'port': port}
            self.sender = local
            found = self.arrived(settings, over_http.news())
            self.assertEqual(name, found['input'])
            self.assertEqual('alarm', found['kind'])
            self.assertIn('nova-scheduler is down', found['text'])

    def test_severities(self):
        for kind, severity, expected in (
            ('alarm', 'critical', 'crit'),
            ('escalation', 'major', 'err'),
            ('repeat', 'warning', 'warning'),
            ('flapping', 'info', 'info'),
            ('recovery', 'critical', 'notice'),
            ('test', 'info', 'notice'),
        ):
            said = over_http.news(kind, severity=severity)
            found = self.arrived(self.settings, said)
            self.assertEqual(expected, found['severity'], kind)
        said = over_http.digest(200)
        self.assertEqual('digest', self.arrived(self.settings, said)['kind'])

    def test_nobody_forges_a_message(self):
        said = over_http.news(
            summary=FORGED, reason=FORGED, service=FORGED, project_id=FORGED
        )
        said['server'] = {**said['server'], 'hostname': FORGED}
        said['alarm'] = {**said['alarm'], 'name': FORGED, 'id': FORGED}
        local = load(sockets=[self.server.socket])
        for sender, settings in (
            (self.sender, self.settings),
            (self.sender, {**self.settings, 'transport': 'udp'}),
            (local, {'socket': self.server.socket}),
        ):
            self.sender = sender
            found = self.arrived(settings, said)
            self.assertEqual('crit', found['severity'])
            self.assertIn('notification_id', found['parsed'])
            self.assertNotIn('\n', found['raw'])
            self.assertNotIn('\x1b', found['raw'])
            (told,) = json.loads(found['parsed']).values()
            self.assertIn('"] <0>1 \\', told['server'])

    def test_it_is_restarted(self):
        self.sender.send(self.settings, self.message)
        self.server.stop()
        error = self.assertRaises(
            exceptions.Retry, self.sender.send, self.settings, self.message
        )
        self.assertIn('no connection: Connection refused', str(error))
        self.server.start()
        self.sender.send(self.settings, self.message)
        self.assertEqual(2, len(self.sent()))


class TestRender(base.BaseTestCase):
    def test_whole(self):
        said = over_http.news('recovery', state='OK')
        said |= {'alarm': None, 'server': None, 'service': None}
        self.assertEqual(
            '<157>1 1970-01-01T00:01:40.000000Z ctl-01.example.org '
            'sentinella - recovery [sentinella@32473 '
            f'notification_id="{said["id"]}" kind="recovery" '
            f'severity="critical" state="OK" project_id="{said["id"]}"] '
            f'\ufeff{said["title"]}: {said["reason"]}',
            syslog.render(said, ORIGIN).decode(),
        )

    def test_it_is_never_too_long(self):
        for long in ('x' * 9000, '\U0001f525' * 9000, '"]\\' * 3000):
            said = over_http.news(
                summary=long, reason=long, service=long, project_id=long
            )
            said['server'] = {**said['server'], 'hostname': long}
            said['alarm'] = {**said['alarm'], 'name': long, 'id': long}
            origin = syslog.Origin('kern', long, long, 2**31)
            rendered = syslog.render(said, origin)
            self.assertLessEqual(len(rendered), syslog.LONGEST)
            self.assertIn(said['id'], rendered.decode())

    def test_names_without_any_letter(self):
        origin = syslog.Origin('kern', '', '', 1)
        self.assertIn(
            b'Z - - - alarm ', syslog.render(over_http.news(), origin)
        )


class TestTrouble(base.BaseTestCase):
    """Receivers that are none, or break down."""

    def setUp(self):
        super().setUp()
        self.sender = load(timeout=0.5)

    def refused(self, error, settings, *words):
        """
        :returns: why
        """
        self.sender.check(settings)
        began = time.monotonic()
        raised = self.assertRaises(
            error, self.sender.send, settings, over_http.news()
        )
        self.assertLess(time.monotonic() - began, 5.0)
        for word in words:
            self.assertIn(word, str(raised))
        return str(raised)

    def serve(self, behave):
        """
        :param behave: called with each connection
        :returns: settings
        """
        server = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(server.close)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connected, _ = server.accept()
                    with contextlib.suppress(OSError), connected:
                        behave(connected)

        threading.Thread(target=accept, daemon=True).start()
        return {'host': 'localhost', 'port': server.getsockname()[1]}

    def authority(self):
        """
        :returns: paths of a server's certificate, of the authority's
        """
        folder = self.useFixture(servers.FolderFixture()).path
        return mailserver.make_pem(folder)

    def test_nobody_listens(self):
        port = servers.free_port()
        for transport in ('tcp', 'tls', 'udp'):
            self.refused(
                exceptions.Retry,
                {'host': '127.0.0.1', 'port': port, 'transport': transport},
                'no connection: Connection refused',
            )

    def test_one_that_hangs(self):
        stranger = self.useFixture(servers.StrangerFixture())
        host, port = stranger.address
        for transport in ('tcp', 'tls'):
            self.refused(
                exceptions.Retry,
                {'host': host, 'port': port, 'transport': transport},
                'no answer within 0.5 s',
            )

    def test_one_that_says_a_byte_now_and_then(self):
        def drip(connected):
            while True:
                connected.sendall(b'x')
                connected.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    connected.recv(65536)

        settings = self.serve(drip)
        self.refused(exceptions.Retry, settings, 'no answer within 0.5 s')

    def test_one_that_leaves_without_reading(self):
        def leave(connected):
            connected.close()

        def leave_later(connected):
            connected.recv(1)

        def reset(connected):
            connected.recv(65536)
            connected.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)
            )

        for behave in (leave, leave_later, reset):
            settings = self.serve(behave)
            for _ in range(20):
                self.refused(exceptions.Retry, settings, 'no connection: ')

    def test_tls_to_one_without(self):
        def greet(connected):
            connected.recv(65536)
            connected.sendall(b'220 hello\n')

        settings = {**self.serve(greet), 'transport': 'tls'}
        self.refused(exceptions.Retry, settings, 'TLS: ')

    def test_certificates(self):
        pem, cafile = self.authority()
        _, other = self.authority()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        taken = []

        def read(connected):
            with context.wrap_socket(connected, server_side=True) as tls:
                while data := tls.recv(65536):
                    taken.append(data)

        settings = {**self.serve(read), 'transport': 'tls'}
        why = 'TLS: unable to get local issuer certificate'
        self.refused(exceptions.Retry, settings, why)
        settings['cafile'] = str(other)
        self.refused(exceptions.Retry, settings, 'TLS: ')
        settings['cafile'] = str(cafile)
        name = {**settings, 'host': '127.0.0.1'}
        self.refused(exceptions.Retry, name, 'TLS: ')
        settings['cafile'] = '/nosuch/ca.pem'
        self.refused(exceptions.Retry, settings, 'the cafile can not be used')
        self.assertEqual([], taken)
        # it ends without saying so in TLS, as many do
        settings['cafile'] = str(cafile)
        self.sender.send(settings, over_http.news())
        del settings['cafile']
        self.sender.send({**settings, 'verify': False}, over_http.news())
        self.assertEqual(2, len(taken))

    def test_one_that_wants_a_certificate_of_ours(self):
        # in TLS 1.3 it says so when we believe to be in
        pem, cafile = self.authority()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.load_verify_locations(cafile)
        context.verify_mode = ssl.CERT_REQUIRED

        def read(connected):
            with context.wrap_socket(connected, server_side=True) as tls:
                tls.recv(65536)

        settings = {
            **self.serve(read),
            'transport': 'tls',
            'cafile': str(cafile),
        }
        for _ in range(5):
            self.refused(exceptions.Retry, settings)

    def test_an_expired_certificate(self):
        authority = webserver.Authority()
        folder = self.useFixture(fixtures.TempDir()).path
        for name, content in (
            ('server', authority.issue(days=-1)),
            ('ca', authority.pem),
        ):
            with open(f'{folder}/{name}.pem', 'wb') as file:
                file.write(content)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f'{folder}/server.pem')
        settings = self.serve(
            lambda one: context.wrap_socket(one, server_side=True).close()
        )
        settings |= {'transport': 'tls', 'cafile': f'{folder}/ca.pem'}
        self.refused(
            exceptions.Retry, settings, 'TLS: certificate has expired'
        )

    def test_addresses_that_are_refused(self):
        self.sender = load(timeout=0.5, allowed=[])
        taken = []
        settings = self.serve(taken.append)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(('127.0.0.1', settings['port']))
            for host in ('127.0.0.1', 'localhost', '::ffff:127.0.0.1'):
                for transport in ('tcp', 'tls', 'udp'):
                    self.refused(
                        exceptions.Final,
                        {**settings, 'host': host, 'transport': transport},
                        'the address is refused: loopback',
                    )
            receiver.setblocking(False)
            self.assertRaises(BlockingIOError, receiver.recv, 1)
        self.refused(
            exceptions.Final,
            {'host': '169.254.169.254', 'transport': 'udp'},
            'the address is refused: link-local',
        )
        self.assertEqual([], taken)

    def test_names_that_can_not_be(self):
        self.refused(
            exceptions.Final, {'host': 'a..b'}, 'settings: not a host'
        )
        self.refused(exceptions.Retry, {'host': 'nosuch.invalid'})

    def test_sockets(self):
        folder = self.useFixture(servers.FolderFixture()).path
        path = f'{folder}/log'
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(path)
            why = 'the socket is refused; see [notifier_syslog] sockets'
            self.refused(exceptions.Final, {'socket': path}, why)
            self.sender = load(timeout=0.5, sockets=[path])
            self.refused(exceptions.Final, {'socket': f'{path}/../log'}, why)
            self.sender.send({'socket': path}, over_http.news())
            self.assertIn(b'nova-scheduler', receiver.recv(4096))
            # nobody reads it any more
            self.assertRaisesRegex(
                exceptions.Retry, 'no answer within 0.5 s', self.fill, path
            )
        self.refused(exceptions.Retry, {'socket': path}, 'Connection refused')

    def fill(self, path):
        for _ in range(10000):
            self.sender.send({'socket': path}, over_http.news())

    def test_settings(self):
        host = {'host': 'logs.example.org'}
        for settings, where in (
            ({}, 'settings.host: expected either a host or a socket'),
            ({**host, 'socket': '/dev/log'}, 'settings.host: expected either'),
            ({'socket': 'dev/log'}, 'settings.socket'),
            (
                {'socket': '/dev/log', 'port': 5},
                'settings.host: missing, port',
            ),
            ({'host': 'a b'}, 'settings.host'),
            ({'host': 'a\n'}, 'settings.host'),
            ({'host': '/dev/log'}, 'settings.host'),
            ({**host, 'port': 0}, 'settings.port'),
            ({**host, 'port': '514'}, 'settings.port'),
            ({**host, 'transport': 'relp'}, 'settings.transport'),
            ({**host, 'facility': 'local8'}, 'settings.facility'),
            ({**host, 'app_name': 'a b'}, 'settings.app_name'),
            ({**host, 'app_name': 'a' * 49}, 'settings.app_name'),
            ({**host, 'app_name': 'a\n'}, 'settings.app_name'),
            (
                {**host, 'verify': False},
                'settings.transport: expected tls, verify needs it',
            ),
            (
                {**host, 'transport': 'udp', 'cafile': '/x'},
                'settings.transport: expected tls, cafile needs it',
            ),
        ):
            error = self.assertRaises(
                exceptions.InvalidInput, self.sender.check, settings
            )
            self.assertIn(where, str(error))
        self.sender.check({**host, 'transport': 'tls', 'verify': False})
        self.sender.check({'host': '2001:db8::1', 'facility': 'local7'})
