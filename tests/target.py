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

"""The other end of notifications over HTTP, as it is and as it may be."""

import email.message
import http.server
import json
import pathlib
import ssl
import threading

import fixtures


class Target(fixtures.Fixture):
    """A web server on loopback that keeps requests and answers as told.

    :param pem: certificate and key; None for plain HTTP
    :param host: address that it listens on
    :ivar requests: list of (path, headers, body)
    :ivar status: what it answers; :ivar headers: and with these;
        :ivar body: and with that
    :ivar answers: {beginning of a path: (status, JSON body)}, which go first
    :ivar hold: while cleared, it answers nobody
    :ivar raw: list of bytes that it answers in place of all that, with a
        pause of `pause` seconds after each, and hangs up
    :ivar connections: how many were opened; :ivar closed: set when one ended
    :ivar idle: seconds after which it closes one that is idle
    """

    def __init__(self, pem=None, host='127.0.0.1'):
        self._pem = pem
        self._host = host

    def _setUp(self):
        self.requests = []
        self.status = 200
        self.headers = {}
        self.body = b'ok'
        self.answers = {}
        self.hold = threading.Event()
        self.hold.set()
        self.raw = None
        self.pause = 0.0
        self.connections = 0
        self.closed = threading.Event()
        self.idle = None
        self._stopped = threading.Event()
        server = _Server((self._host, 0), _Handler)
        server.target = self
        scheme = 'http'
        if self._pem is not None:
            scheme = 'https'
            server.context = self._context()
        self.port = server.server_port
        self.base = f'{scheme}://{self._host}:{self.port}'
        self.url = f'{self.base}/page'
        threading.Thread(
            target=server.serve_forever, args=(0.01,), daemon=True
        ).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(self.hold.set)
        self.addCleanup(self._stopped.set)

    def _context(self):
        directory = self.useFixture(fixtures.TempDir()).path
        path = pathlib.Path(directory, 'server.pem')
        path.write_bytes(self._pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def wait(self):
        """A pause, unless the test is over."""
        self._stopped.wait(self.pause)

    def bodies(self):
        """JSON of what was sent."""
        return [json.loads(body) for _, _, body in self.requests]

    def answer(self, path):
        """
        :returns: status, headers, body
        """
        for beginning, (status, body) in self.answers.items():
            if path.startswith(beginning):
                headers = {'Content-Type': 'application/json'}
                return status, headers | self.headers, json.dumps(body)
        return self.status, self.headers, self.body


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def setup(self):
        self.timeout = self.server.target.idle
        super().setup()
        self.server.target.connections += 1

    def do_POST(self):
        target = self.server.target
        body = self.rfile.read(int(self.headers['Content-Length']))
        target.requests.append((self.path, self.headers, body))
        target.hold.wait(30)
        if target.raw is not None:
            self._misbehave(target)
            return
        status, headers, body = target.answer(self.path)
        body = b'' if status == 204 else body
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_PATCH = do_POST

    def _misbehave(self, target):
        for piece in target.raw:
            self.wfile.write(piece)
            target.wait()
        self.close_connection = True

    def log_message(self, *args):
        """Quiet."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        """In the connection's own thread, so that none waits for another's
        handshake."""
        if self.context is not None:
            request.settimeout(5)
            request = self.context.wrap_socket(request, server_side=True)
        with request:
            super().finish_request(request, client_address)

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.target.closed.set()

    def handle_error(self, request, client_address):
        """Who has hung up meanwhile is what some tests are about."""


def headers(**values):
    """As an answer has them; `_` stands for `-`."""
    made = email.message.Message()
    for name, value in values.items():
        made[name.replace('_', '-')] = value
    return made
