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

"""One line in the log for each request, whatever became of it."""

import time
import urllib.parse

from oslo_log import log

LOG = log.getLogger(__name__)

FORMAT = '%(client)s "%(method)s %(path)s" %(status)s %(seconds).3fs'


class RequestLog:
    def __init__(self, app, parts):
        self._app = app

    def __call__(self, environ, start_response):
        started = time.monotonic()

        def start(status, headers, exc_info=None):
            LOG.info(
                FORMAT,
                {
                    'client': environ.get('REMOTE_ADDR', '-'),
                    'method': environ['REQUEST_METHOD'],
                    'path': _path(environ),
                    'status': status.partition(' ')[0],
                    'seconds': time.monotonic() - started,
                },
            )
            return start_response(status, headers, exc_info)

        return self._app(environ, start)


def _path(environ):
    # quoted again, so that no client writes lines of its own into the log
    path = environ.get('SCRIPT_NAME', '') + environ.get('PATH_INFO', '')
    path = urllib.parse.quote(path.encode('latin-1'))
    query = environ.get('QUERY_STRING', '')
    query = urllib.parse.quote(query, safe='=&%:,+/')
    return f'{path}?{query}' if query else path
