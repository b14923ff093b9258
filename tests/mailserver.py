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

"""Mail servers that notifications are sent to: real ones, as processes.

Run as a program, this is the first of them.
"""

import asyncio
import base64
import email
import email.policy
import json
import os
import pathlib
import shutil
import signal
import ssl
import sys

from aiosmtpd import smtp
import fixtures

from tests import servers
from tests import webserver

ROOT = pathlib.Path(__file__).parents[1]
USER, PASSWORD = 'sentinella', 'hunter2-hunter2'


class Mail:
    """
    :ivar sender: of the envelope; :ivar recipients: likewise
    :ivar message: an EmailMessage
    """

    def __init__(self, sender, recipients, content):
        self.sender = sender
        self.recipients = recipients
        self.message = email.message_from_bytes(
            content, policy=email.policy.default
        )

    def part(self, subtype):
        return self.message.get_body([subtype]).get_content()


class MailServer(fixtures.Fixture):
    """aiosmtpd, which lets nobody in without TLS and a password.

    :param security: starttls, tls or none; the last wants no password either
    :ivar port: of localhost; :ivar cafile: whom to trust
    """

    def __init__(self, security='starttls'):
        self._security = security

    def _setUp(self):
        folder = self.useFixture(servers.FolderFixture()).path
        self._pem, self.cafile = make_pem(folder)
        self._kept = folder / 'mails'
        self.port = servers.free_port()
        self.useFixture(
            servers.ServerFixture(
                [
                    sys.executable,
                    '-m',
                    __name__,
                    self.port,
                    self._security,
                    self._pem,
                    self._kept,
                ],
                lambda: servers.listens(('127.0.0.1', self.port)),
                env={'PYTHONPATH': str(ROOT)},
            )
        )

    def mails(self):
        """
        :returns: list of Mails, in the order that they came in
        """
        if not self._kept.exists():
            return []
        return [
            Mail(one['from'], one['to'], base64.b64decode(one['content']))
            for one in map(json.loads, self._kept.read_text().split())
        ]


class Exim(fixtures.Fixture):
    """Debian's exim4, with a configuration of its own.

    :ivar port: of localhost; :ivar cafile: whom to trust
    """

    user = 'Debian-exim'

    def _setUp(self):
        root = os.getuid() == 0
        folder = servers.FolderFixture(self.user if root else None)
        folder = self.useFixture(folder).path
        pem, self.cafile = make_pem(folder)
        if root:
            shutil.chown(pem, self.user)
        self._mails = folder / 'mails'
        self.port = servers.free_port()
        (folder / 'exim.conf').write_text(
            EXIM.format(
                folder=folder,
                pem=pem,
                port=self.port,
                user=USER,
                password=PASSWORD,
                owner=self.user if root else os.getuid(),
            )
        )
        self.useFixture(
            servers.ServerFixture(
                [shutil.which('exim4', path='/usr/sbin:/usr/bin') or 'exim']
                + ['-C', folder / 'exim.conf', '-bdf', '-q1m'],
                lambda: servers.listens(('127.0.0.1', self.port)),
            )
        )

    def mails(self):
        paths = sorted(
            self._mails.glob('new/*'), key=lambda path: path.stat().st_mtime_ns
        )
        return [Mail(None, None, path.read_bytes()) for path in paths]


EXIM = """
primary_hostname = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
keep_environment =
exim_user = {owner}
tls_advertise_hosts = *
tls_certificate = {pem}
tls_privatekey = {pem}
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}}}
acl_smtp_rcpt = rcpt
acl_smtp_data = data

begin acl
rcpt:
  deny message = who are you
       !authenticated = *
  deny message = no such user
       local_parts = refused
  accept
data:
  require verify = header_syntax
  accept

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {folder}/mails
  maildir_format
  delivery_date_add
  user = {owner}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}}\
{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


def make_pem(folder):
    """
    :returns: paths of a certificate with its key, and of its authority's
    """
    authority = webserver.Authority()
    pem, cafile = folder / 'server.pem', folder / 'ca.pem'
    pem.write_bytes(authority.issue())
    cafile.write_bytes(authority.pem)
    return pem, cafile


class _Handler:
    def __init__(self, kept):
        self._kept = kept

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('refused'):
            return '550 5.1.1 no such user'
        if address.startswith('later'):
            return '451 4.7.1 come again'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith('full'):
            return '552 5.2.2 the mailbox is full'
        mail = {
            'from': envelope.mail_from,
            'to': envelope.rcpt_tos,
            'content': base64.b64encode(envelope.original_content).decode(),
        }
        self._kept.write(json.dumps(mail, separators=(',', ':')) + '\n')
        return '250 2.0.0 kept'


def _let_in(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return smtp.AuthResult(success=known, handled=False)


async def _serve(port, security, pem, kept):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    handler = _Handler(open(kept, 'a', buffering=1))

    def make():
        return smtp.SMTP(
            handler,
            hostname='localhost',
            authenticator=_let_in,
            auth_required=security != 'none',
            auth_require_tls=security == 'starttls',
            require_starttls=security == 'starttls',
            tls_context=context if security == 'starttls' else None,
        )

    await asyncio.get_running_loop().create_server(
        make,
        '127.0.0.1',
        port,
        ssl=context if security == 'tls' else None,
    )
    await asyncio.Event().wait()


if __name__ == '__main__':
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_serve(int(sys.argv[1]), *sys.argv[2:]))
