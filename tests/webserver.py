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

"""Certificates for tests, and servers that have them."""

import datetime
import http.server
import pathlib
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import fixtures


class Authority:
    """One that signs certificates.

    :param days: how long from now its own, and others' by default, are valid
    """

    def __init__(self, days=365):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name('a test authority')
        self._certificate = self._sign('a test authority', self._key, days)

    @property
    def pem(self):
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name='localhost', days=30):
        """
        :param days: until it ends; it began 100 days before that
        :returns: PEM of a certificate and its key
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, days, ca=False)
        return certificate.public_bytes(
            serialization.Encoding.PEM
        ) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def _sign(self, name, key, days, ca=True):
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(100 + abs(days)))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name)]),
                critical=False,
            )
        )
        return builder.sign(self._key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class WebServer(fixtures.Fixture):
    """An HTTP server on loopback.

    :param answer: called with the path; returns (status, content type, body)
    :param pem: certificate and key; None for plain HTTP
    :ivar asked: paths that were asked for
    """

    def __init__(self, answer, pem=None):
        self._answer = answer
        self._pem = pem
        self.asked = []

    def _setUp(self):
        fixture = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                fixture.asked.append(self.path)
                status, kind, body = fixture._answer(self.path)
                self.send_response(status)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Not into the tests' output."""

        self._server = _Server(('127.0.0.1', 0), Handler)
        if self._pem is not None:
            self._server.context = self._context()
        self.port = self._server.server_address[1]
        scheme = 'http' if self._pem is None else 'https'
        self.url = f'{scheme}://127.0.0.1:{self.port}'
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,)
        )
        self._thread.start()
        self.addCleanup(self._stop)

    def _context(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = pathlib.Path(directory, 'server.pem')
        path.write_bytes(self._pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    context = None

    def finish_request(self, request, client_address):
        """In the connection's own thread, so that none waits for another's
        handshake."""
        if self.context is not None:
            request.settimeout(5)
            request = self.context.wrap_socket(request, server_side=True)
        with request:
            self.RequestHandlerClass(request, client_address, self)

    def handle_error(self, request, client_address):
        """A client that hangs up is what tests are about."""
