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


"""A cable between a client and a server on loopback, that can be pulled, or
trodden on."""

import contextlib
import socket
import threading

import fixtures


class CableFixture(fixtures.Fixture):
    """
    :param port: the server's, on loopback
    :ivar port: where the client connects to
    """

    def __init__(self, port):
        self._server_port = port

    def _setUp(self):
        self._pulled = False
        self._flows = threading.Event()
        self._flows.set()
        self.addCleanup(self._flows.set)
        self._sockets = set()
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self.addCleanup(self.pull)
        self.addCleanup(self._listener.close)
        self._thread(self._accept)

    def pull(self):
        """Cut all connections, and each that comes from now on."""
        self._pulled = True
        for item in list(self._sockets):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)

    def plug(self):
        self._pulled = False

    def hold(self):
        """Let nothing through, and tell nobody: what is sent comes late."""
        self._flows.clear()

    def let_go(self):
        self._flows.set()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._pulled:
                    client.close()
                    continue
                server = socket.create_connection(
                    ('127.0.0.1', self._server_port)
                )
                self._sockets |= {client, server}
                self._thread(self._copy, client, server)
                self._thread(self._copy, server, client)

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                sink.sendall(data)
        for item in (source, sink):
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()
            self._sockets.discard(item)

    @staticmethod
    def _thread(work, *args):
        threading.Thread(target=work, args=args, daemon=True).start()
