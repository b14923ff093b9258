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

"""Asks the API, in this process."""

import json

import webob

from sentinella.api import app
from sentinella.ingest import intake


def make_app(conf, database, storage, ingest=None):
    """The API where everybody is the admin, as in standalone."""
    conf.set_override('auth_strategy', 'noauth', 'api')
    return app.make(conf, database, storage, ingest)


def make_ingest(conf, database, storage):
    """What takes reports in the API; who calls this stops it."""
    return intake.Ingest(conf, database, storage, wake=lambda: None)


class Client:
    """
    :param token: sent with each request, or None
    """

    def __init__(self, application, token=None):
        self._app = application
        self._token = token

    def ask(self, method, path, body=None, **headers):
        """
        :param body: what is sent as JSON; bytes are sent as they are
        :param headers: their dashes written as underscores
        :returns: webob's response
        """
        request = webob.Request.blank(path, method=method)
        # as of the servers that we are served by
        request.environ['wsgi.multithread'] = True
        if self._token:
            request.headers['X-Auth-Token'] = self._token
        if body is not None:
            request.content_type = 'application/json'
            request.body = (
                body if isinstance(body, bytes) else json.dumps(body).encode()
            )
        for name, value in headers.items():
            request.headers[name.replace('_', '-')] = value
        return request.get_response(self._app)

    def get(self, path, **headers):
        """
        :returns: the answer's JSON, which must be a 200
        """
        response = self.ask('GET', path, **headers)
        assert response.status_int == 200, response.text
        return response.json

    def status(self, method, path, body=None, **headers):
        """
        :returns: the answer's status
        """
        return self.ask(method, path, body, **headers).status_int
