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

"""Answers load balancers at /healthcheck.

What oslo.middleware checks for the operator (a file that takes a node out,
for instance) and one thing of our own: that the database answers.
"""

import concurrent.futures

import webob
from oslo_log import log
from oslo_middleware import healthcheck

from sentinella.db import clock
from sentinella.db import database

LOG = log.getLogger(__name__)

PATH = '/healthcheck'

#: Seconds that the database may take.
TIMEOUT = 5.0


class Healthcheck:
    def __init__(self, app, parts):
        self._app = app
        self._oslo = healthcheck.Healthcheck(None, parts.conf)
        self._database = parts.database
        # a database that hangs must not hang the load balancer's question
        self._pool = concurrent.futures.ThreadPoolExecutor(
            1, thread_name_prefix='healthcheck'
        )

    def __call__(self, environ, start_response):
        if environ.get('PATH_INFO') != PATH:
            return self._app(environ, start_response)
        if not self._database_answers():
            down = webob.Response(
                status=503,
                text='the database does not answer\n',
                content_type='text/plain',
            )
            return down(environ, start_response)
        return self._oslo(environ, start_response)

    def _database_answers(self):
        asked = self._pool.submit(self._ask)
        try:
            asked.result(TIMEOUT)
        except (*database.UNUSABLE, TimeoutError) as error:
            asked.cancel()
            LOG.warning(
                'The database does not answer: %s: %s',
                type(error).__name__,
                error,
            )
            return False
        return True

    def _ask(self):
        with self._database.reader() as session:
            clock.read(session)
