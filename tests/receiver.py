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


"""A webhook's other end, for tests."""

import http.server
import json
import sys
import threading
import time

import fixtures


class ReceiverFixture(fixtures.Fixture):
    """Listens on loopback and keeps what is posted to it.

    :ivar url: where to post to
    :ivar messages: list of (seconds when it had come, JSON body)
    :ivar status: what it answers
    """

    def _setUp(self):
        self.messages = []
        self.status = 204
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                length = int(self.headers['Content-Length'])
                body = self.rfile.read(length)
                if len(body) < length:
                    # whoever sent it was killed meanwhile
                    self.close_connection = True
                    return
                receiver.messages.append((time.time(), json.loads(body)))
                self.send_response(receiver.status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *args):
                """Quiet."""

        server = _Server(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{server.server_port}/page'
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def bodies(self, kind=None):
        """The JSON bodies, or just those of a kind."""
        return [
            body for _, body in self.messages if kind in (None, body['kind'])
        ]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """Who posts may be killed at any moment."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, address)
