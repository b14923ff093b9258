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

"""What the gabbits run on: the API on a real database, in this process."""

import dataclasses
import json
import os
import uuid

from gabbi import fixture

from sentinella import model
from sentinella import plugins
from sentinella import signing
from sentinella import wire
from tests import databases
from tests import signers
from tests.functional.api import client
from tests.functional.api import seed

_running = []


def get_app():
    """An application that is the API of the fixture that runs then."""
    return lambda environ, start: _running[-1](
        environ | {'wsgi.multithread': True}, start
    )


def _said(signed):
    """The body of a request, as it is written into a gabbit."""
    return json.dumps(wire.to_wire(signed))


def sign():
    """What agents say, signed, by the name that gabbits have for it."""
    agent, thief = signers.Signer(), signers.Signer()
    one = model.Registration(str(uuid.uuid4()), 'epoch', 'node-01')
    other = model.Registration(
        seed.number('server', 'beta'), 'epoch', 'ctl-02'
    )
    report = model.Report(one.server, 'epoch', 1, dropped=5)
    cross = model.Report(one.server, 'epoch', 2)
    return {
        'AGENT': one.server,
        'REGISTRATION': _said(agent.registration(one)),
        'REPORT': _said(agent.report(report)),
        'UNSIGNED_REPORT': _said(
            dataclasses.replace(agent.report(cross), signatures=())
        ),
        'FORGED_REPORT': _said(thief.report(cross)),
        'UNREADABLE_REPORT': _said(
            agent.report(dataclasses.replace(cross, sequence='many'))
        ),
        'STRANGE_REPORT': _said(
            thief.report(
                dataclasses.replace(
                    cross, server=seed.number('absent', 'beta')
                )
            )
        ),
        'FORGED_REGISTRATION': _said(thief.registration(one)),
        'OTHER_REGISTRATION': _said(thief.registration(other)),
        'AGENT_FINGERPRINT': signing.fingerprint(agent.key.public),
        'THIEF_FINGERPRINT': signing.fingerprint(thief.key.public),
    }


class ApiFixture(fixture.GabbiFixture):
    """A cloud as `seed` makes it; everybody is the admin."""

    def start_fixture(self):
        self._database = databases.DatabaseFixture()
        self._database.setUp()
        conf, database = self._database.conf, self._database.database
        storage = plugins.load(
            'sentinella.storage', conf.storage.driver, conf, database
        )
        # a gabbit sees what has ended only
        conf.set_override('stream_duration', 1.0, 'api')
        seed.fill(database, storage)
        for kind in (
            'server',
            'definition',
            'channel',
            'notification',
            'alarm',
            'absent',
        ):
            os.environ[kind.upper()] = seed.number(kind, 'alpha')
        os.environ['BUILTIN'] = seed.BUILTIN
        os.environ.update(sign())
        self._ingest = client.make_ingest(conf, database, storage)
        _running.append(client.make_app(conf, database, storage, self._ingest))

    def stop_fixture(self):
        _running.pop()
        self._ingest.stop()
        self._database.cleanUp()
