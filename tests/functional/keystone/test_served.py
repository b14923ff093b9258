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

"""Reports over HTTPS, to processes that forked, with no RabbitMQ anywhere."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import uuid

from oslo_config import cfg
import requests

from sentinella import model
from sentinella.agent.publish import https
from sentinella.db import servers
from tests import processes
from tests import signers
from tests.functional.keystone import base

#: Seconds that a server may take to end: its loop looks up once a second.
PATIENCE = 10.0

CONFIG = """\
[DEFAULT]
transport_url = rabbit://nobody:secret@127.0.0.1:1/
service_project_id = {service}
[database]
connection = {connection}
[keystone_authtoken]"""


class TestServed(base.KeystoneTestCase):
    def setUp(self):
        super().setUp()
        path = self.write(
            CONFIG.format(
                service=self.keystone.projects['service'],
                connection=self.conf.database.connection,
            ),
            www_authenticate_uri=self.keystone.url,
            **self.credential(),
        )
        self.environment = {
            **os.environ,
            'PYTHONWARNINGS': 'ignore',
            'OS_SENTINELLA_CONFIG_FILE': str(path),
        }

    def credential(self):
        """Options of the service user."""
        group = self.conf.keystone_authtoken
        return {
            name: group[name]
            for name in (
                'auth_type',
                'auth_url',
                'username',
                'password',
                'project_name',
                'user_domain_id',
                'project_domain_id',
            )
        }

    def write(self, head, **options):
        """Write a configuration.

        :returns: path
        """
        (name,) = self.create_tempfiles([(uuid.uuid4().hex, '')])
        lines = [head, *(f'{k} = {v}' for k, v in options.items()), '']
        path = pathlib.Path(name)
        path.write_text('\n'.join(lines))
        return path

    def serve(self):
        with socket.socket() as one:
            one.bind(('127.0.0.1', 0))
            port = one.getsockname()[1]
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'gunicorn',
                '--no-control-socket',
                '--preload',
                '--workers=2',
                '--threads=4',
                f'--bind=127.0.0.1:{port}',
                'sentinella.wsgi.api:application',
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.terminate)
        url = f'http://127.0.0.1:{port}'
        processes.wait_for(lambda: self.answers(url), 'the API')
        return process, url

    def answers(self, url):
        try:
            return requests.get(url, timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def route(self, url):
        """
        :returns: an agent's way there, as the service user
        """
        path = self.write(
            '[agent_rest]',
            endpoint_override=url,
            **self.credential(),
        )
        conf = cfg.ConfigOpts()
        conf([], project='sentinella', default_config_files=[str(path)])
        return https.HttpsRoute(conf)

    def test_it_takes_reports_and_ends(self):
        process, url = self.serve()
        agent = self.route(url)
        signer = signers.Signer()
        server = str(uuid.uuid4())
        hello = model.Registration(server, 'epoch', 'cmp-01')
        receipt = agent.register(signer.registration(hello))
        self.assertEqual('ACCEPTED', receipt.status)
        # both workers take some
        for sequence in range(1, 21):
            report = signer.report(model.Report(server, 'epoch', sequence))
            self.assertEqual('ACCEPTED', agent.report(report).status)
        thief = signers.Signer()
        report = thief.report(model.Report(server, 'epoch', 21))
        self.assertEqual('UNTRUSTED', agent.report(report).status)
        # at once: what was counted is not yet written
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(0, process.returncode, output)
        self.assertNotIn('Traceback', output)
        with self.database.reader() as session:
            known = servers.get(session, server)
        self.assertEqual(
            (20, 1, self.keystone.projects['service']),
            (known.sequence, known.refused, known.project_id),
        )
