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

import signal
import uuid

from oslo_config import cfg

from sentinella import model
from sentinella.agent.publish import https
from sentinella.db import servers
from tests import signers
from tests.functional.keystone import served

#: Seconds that a server may take to end: its loop looks up once a second.
PATIENCE = 10.0


class TestServed(served.ServedTestCase):
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
        status = process.wait(PATIENCE)
        output = self.output.read_text()
        self.assertEqual(0, status, output)
        self.assertNotIn('Traceback', output)
        with self.database.reader() as session:
            known = servers.get(session, server)
        self.assertEqual(
            (20, 1, self.keystone.projects['service']),
            (known.sequence, known.refused, known.project_id),
            output,
        )
