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

"""Speaks SMTP, for no longer than it may take, and only where it may."""

import dataclasses
import io
import smtplib
import ssl

from sentinella import exceptions
from sentinella.notifier import connections
from sentinella.notifier import legible

#: By how what is said is kept from others; what they listen on.
PORTS = {'starttls': 587, 'tls': 465, 'none': 25}

#: Characters of a server's answer that are told.
SAID_LENGTH = 200


@dataclasses.dataclass(frozen=True)
class Server:
    """
    :ivar security: a key of PORTS
    :ivar username: '' for none
    :ivar cafile: with the authorities to trust; None: those of the system
    :ivar addresses: that may be reached; None: any
    """

    host: str
    port: int = 0
    security: str = 'starttls'
    username: str = ''
    password: str = dataclasses.field(default='', repr=False)
    cafile: str | None = None
    addresses: object = None


def send(server, mail, sender, recipients, timeout, name):
    """
    :param mail: an EmailMessage
    :param timeout: seconds that it may take in all
    :param name: whom we say that we are
    :returns: what the server said, in short
    :raises Retry: it may go the next time
    :raises Final: it will never go
    """
    deadline = connections.Deadline(timeout)
    try:
        with _Session(server, deadline, name) as session:
            said = _transfer(session, mail, sender, recipients)
        return said
    except TimeoutError:
        error = exceptions.Retry(f'no answer within {timeout:g} s')
    except smtplib.SMTPResponseException as reason:
        error = _judged(reason)
    except smtplib.SMTPException as reason:
        error = exceptions.Retry(_words(type(reason).__name__, reason))
    except ssl.SSLError as reason:
        why = getattr(reason, 'verify_message', None) or reason.reason
        error = exceptions.Retry(f'TLS: {why or type(reason).__name__}')
    except OSError as reason:
        why = reason.strerror or type(reason).__name__
        error = exceptions.Retry(f'no connection: {why}')
    # outside: what they hold may be more than is to be told
    raise error


def _transfer(session, mail, sender, recipients):
    session.enter()
    _accept(*session.mail(sender))
    refused = {}
    for recipient in recipients:
        code, said = session.rcpt(recipient)
        if code not in (250, 251):
            refused[recipient] = (code, said)
    _check_refused(refused, recipients)
    code, said = session.data(mail.as_bytes())
    _accept(code, said)
    answer = _words(code, said)
    if refused:
        names = ', '.join(sorted(refused))
        answer = f'{len(refused)} refused ({names}); {answer}'
    return legible.line(answer, SAID_LENGTH)


def _check_refused(refused, recipients):
    """
    :raises Retry: one may be accepted later; the others get it twice then,
        as the same message
    :raises Final: none ever will
    """
    for name, (code, said) in refused.items():
        if code < 500:
            raise exceptions.Retry(f'{name}: {_words(code, said)}')
    if len(refused) == len(recipients):
        name, (code, said) = next(iter(refused.items()))
        raise exceptions.Final(f'{name}: {_words(code, said)}')


def _accept(code, said):
    if code != 250:
        raise smtplib.SMTPResponseException(code, said)


def _judged(error):
    text = _words(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        # a password that is just being changed; what the server says may
        # hold what it was told
        return exceptions.Retry(f'{error.smtp_code}: it does not let us in')
    if error.smtp_code < 500 or isinstance(
        error, smtplib.SMTPConnectError | smtplib.SMTPHeloError
    ):
        return exceptions.Retry(text)
    return exceptions.Final(text)


def _words(code, said):
    if isinstance(said, bytes):
        said = said.decode(errors='replace')
    return legible.line(f'{code} {said}', SAID_LENGTH)


def _context(cafile):
    try:
        return connections.tls(cafile, True)
    except OSError:
        error = exceptions.Retry('TLS: the cafile can not be used')
    raise error


class _Session(smtplib.SMTP):
    """One mail's."""

    def __init__(self, server, deadline, name):
        self._server = server
        self._deadline = deadline
        # else the name would be asked of DNS, however long that takes
        super().__init__(local_hostname=name)
        self._host = server.host
        self._context = None
        if server.security != 'none':
            self._context = _context(server.cafile)

    def enter(self):
        """
        :raises SMTPException: the server does not let us
        """
        server = self._server
        port = server.port or PORTS[server.security]
        code, said = self.connect(server.host, port)
        if code != 220:
            self.close()
            if not 400 <= code <= 599:
                # who can name a server is not to read who else listens
                # inside of the cloud, and what that says
                raise exceptions.Retry('it does not speak SMTP')
            raise smtplib.SMTPConnectError(code, said)
        self.ehlo_or_helo_if_needed()
        if server.security == 'starttls':
            self.starttls(context=self._context)
            self.ehlo_or_helo_if_needed()
        if server.username:
            self.login(server.username, server.password)

    def _get_socket(self, host, port, timeout):
        connected = connections.connect(
            self._server.addresses, host, port, self._deadline
        )
        if self._server.security == 'tls':
            connected.settimeout(self._deadline.left())
            return self._context.wrap_socket(connected, server_hostname=host)
        return connected

    def getreply(self):
        if self.file is None:
            # each piece in what is left: a server that says one character a
            # second would never be too slow for smtplib
            self.file = io.BufferedReader(
                connections.Timed(self.sock, self._deadline)
            )
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if not isinstance(error.__context__, TimeoutError):
                raise
        raise TimeoutError

    def send(self, text):
        if self.sock is not None:
            self.sock.settimeout(self._deadline.left())
        super().send(text)

    def __exit__(self, *args):
        try:
            super().__exit__(*args)
        except (smtplib.SMTPException, OSError):
            # whether it says good-bye is nothing to us
            self.close()
