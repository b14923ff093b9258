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

"""The REST API, for any WSGI server: `sentinella.wsgi.api:application`.

Configured by /etc/sentinella/sentinella.conf, or by the file that the
environment variable OS_SENTINELLA_CONFIG_FILE names. The server's own
command line is not ours to read.
"""

import atexit
import os

from sentinella import exceptions
from sentinella import plugins
from sentinella import service
from sentinella.api import app
from sentinella.db import database as db
from sentinella.ingest import intake


def _make():
    path = os.environ.get('OS_SENTINELLA_CONFIG_FILE')
    conf = service.prepare(
        [],
        prog='sentinella-api',
        default_config_files=[path] if path else None,
        report=False,
    )
    if conf.api.auth_strategy == 'noauth':
        raise exceptions.InvalidConfiguration(
            '[api] auth_strategy: noauth is for sentinella-standalone only, '
            'here expected keystone'
        )
    # neither opens a connection yet: the server may fork after this
    database = db.Database(conf)
    storage = plugins.load(
        'sentinella.storage', conf.storage.driver, conf, database
    )
    # evaluators find by themselves what is due: no bus is needed here
    ingest = intake.Ingest(conf, database, storage, wake=lambda: None)
    atexit.register(ingest.stop)
    return app.make(conf, database, storage, ingest)


application = _make()
