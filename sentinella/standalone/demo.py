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


"""A fault from end to end: a process is killed, and a page comes."""

import datetime
import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import requests
import rich.console
import rich.table

from sentinella import exceptions
from sentinella.standalone import service as standalone

SERVICE = 'demo-service'

#: Does nothing but be there.
PROGRAM = """\
#!{python}
import time
while True:
    time.sleep(3600)
"""

#: In the form of knowledge/services.yaml.
KNOWLEDGE = f'demo:\n  services:\n    {SERVICE}:\n'

#: Seconds that each step may take before the demo gives up.
PATIENCE = 60.0


class Receiver:
    """The webhook's other end, on loopback.

    :ivar pages: queue of (seconds when it had come, the message)
    """

    def __init__(self):
        self.pages = pages = queue.Queue(maxsize=1000)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers['Content-Length'])
                body = self.rfile.read(length)
                pages.put((time.time(), json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                """The demo has the console."""

        self._server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._server.server_port}/page'
        threading.Thread(
            target=self._server.serve_forever, daemon=True
        ).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def wait(self, kind):
        """
        :returns: when the page about our service came, and the page
        :raises SentinellaError: it did not
        """
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            try:
                at, page = self.pages.get(timeout=left)
            except queue.Empty:
                break
            if page['service'] == SERVICE and page['kind'] == kind:
                return at, page
        raise exceptions.SentinellaError(
            f'demo: no {kind} was delivered within {PATIENCE:.0f} s'
        )


def run(conf, directory):
    """Show it, and end.

    :param conf: of standalone; :param directory: that the demo may fill
    :raises SentinellaError: the page did not come; says which step failed
    """
    console = rich.console.Console()
    knowledge = directory / 'services.yaml'
    knowledge.write_text(KNOWLEDGE)
    conf.set_override('services_file', [str(knowledge)], group='agent')
    conf.set_override('watch_interval', 0.2, group='agent')
    program = directory / SERVICE
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)

    receiver = Receiver()
    child = subprocess.Popen([str(program)], stdin=subprocess.DEVNULL)  # noqa: S603
    running = standalone.Standalone(conf)
    running.start()
    try:
        api = Api(running.api.url)
        api.add_channel(receiver.url)
        console.print(
            f'standalone is up at {running.api.url}: no Keystone, on '
            'loopback only'
        )
        api.wait_until_up(console)
        kill_and_show(console, api, receiver, child)
    finally:
        child.kill()
        child.wait()
        running.stop()
        receiver.stop()


class Api:
    """What the demo asks of the REST API, as anybody would."""

    def __init__(self, url):
        self._url = f'{url}/v1'
        self._session = requests.Session()

    def get(self, path, **query):
        answer = self._session.get(
            f'{self._url}/{path}', params=query, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer.json()

    def add_channel(self, url):
        self._session.post(
            f'{self._url}/channels',
            json={
                'name': 'demo',
                'driver': 'webhook',
                'settings': {'url': url},
            },
            timeout=PATIENCE,
        ).raise_for_status()

    def wait_until_up(self, console):
        with console.status(f'waiting for {SERVICE} to be found'):
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                found = self.get('services', name=SERVICE)['services']
                if found and found[0]['state'] == 'UP':
                    console.print(
                        f'{SERVICE} is UP, pid {found[0]["pids"][0]}, '
                        f'known by {found[0]["evidence"]}'
                    )
                    return
                time.sleep(0.1)
        raise exceptions.SentinellaError(
            f'demo: {SERVICE} was not found within {PATIENCE:.0f} s'
        )


def kill_and_show(console, api, receiver, child):
    killed = time.time()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    console.print(f'kill -9 {child.pid}')
    delivered, page = receiver.wait('alarm')
    (service,) = api.get('services', name=SERVICE)['services']
    steps = (
        ('the agent saw it die', parse(service['since'])),
        ('the evaluator raised the alarm', parse(page['at'])),
        ('the webhook had the page', delivered),
    )
    table = rich.table.Table(title='what took how long')
    table.add_column('step')
    table.add_column('ms after the kill', justify='right')
    for step, at in steps:
        table.add_row(step, f'{(at - killed) * 1e3:.0f}')
    console.print(table)
    alarm = api.get(f'alarms/{page["alarm"]["id"]}')
    show(console, 'the alarm', alarm)
    show(console, "the webhook's payload", page)
    print(
        f'demo: page delivered {(delivered - killed) * 1e3:.0f} ms '
        'after the kill',
        flush=True,
    )


def show(console, title, body):
    console.rule(title)
    console.print_json(json.dumps(body))


def parse(text):
    """ISO 8601 as seconds since the epoch."""
    return datetime.datetime.fromisoformat(text).timestamp()
