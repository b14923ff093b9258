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

"""Whatever goes wrong, as JSON in the shape of the API SIG's guideline."""

import http
import json

import webob
import webob.dec
from oslo_log import log

from sentinella import exceptions
from sentinella.db import database

LOG = log.getLogger(__name__)


class HttpError(exceptions.SentinellaError):
    """What only HTTP knows of: methods, media types, versions."""

    def __init__(self, status, code, detail, headers=()):
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = dict(headers)


#: What each exception means to who asked; the first that fits is taken.
TABLE = (
    (exceptions.NotFound, 404, 'not_found'),
    (exceptions.Conflict, 409, 'conflict'),
    (exceptions.Forbidden, 403, 'forbidden'),
    (exceptions.InvalidExpression, 400, 'invalid_expression'),
    (exceptions.InvalidInput, 400, 'invalid_input'),
    (exceptions.Retry, 502, 'delivery_failed'),
    (exceptions.Final, 502, 'delivery_refused'),
    (exceptions.SecretsUnavailable, 503, 'secrets_unavailable'),
    (exceptions.BusUnavailable, 503, 'bus_unavailable'),
)

#: What the middleware and Pecan answer by themselves, in our words.
FOREIGN = {
    401: ('unauthorized', 'A valid token is needed; see WWW-Authenticate.'),
    404: ('not_found', 'There is no such path.'),
    405: ('method_not_allowed', 'See the Allow header.'),
    413: ('body_too_large', 'The request body is too large.'),
    503: ('unavailable', 'A service behind this one does not answer.'),
}


class Errors:
    """Turns exceptions, and errors of those further in, into our JSON."""

    def __init__(self, app, parts):
        self._app = app

    @webob.dec.wsgify
    def __call__(self, request):
        try:
            _check_path(request)
            response = request.get_response(self._app)
        except Exception as error:  # the last one that could answer
            return answer_exception(request, error)
        if response.status_int >= 400:
            return _of_response(request, response)
        return response


def _check_path(request):
    # a byte that is no UTF-8 raises wherever the path is read first
    try:
        request.path_info.encode()
        request.script_name.encode()
    except UnicodeError:
        raise HttpError(404, 'not_found', 'There is no such path.')


def answer_exception(request, error):
    """The response that tells of an exception."""
    if isinstance(error, HttpError):
        return _answer(
            request, error.status, error.code, str(error), error.headers
        )
    if isinstance(error, database.UNUSABLE):
        LOG.error('The database can not be used: %s', error)
        return _answer(
            request, 503, 'unavailable', 'The database can not be used now.'
        )
    for kind, status, code in TABLE:
        if isinstance(error, kind):
            return _answer(request, status, code, str(error))
    LOG.error('%s %s failed', request.method, request.path, exc_info=error)
    return _answer(
        request,
        500,
        'internal_error',
        "The server failed; its log says why, under this request's ID.",
    )


def _of_response(request, response):
    code, detail = FOREIGN.get(
        response.status_int,
        ('error', http.HTTPStatus(response.status_int).phrase),
    )
    kept = {
        name: value
        for name, value in response.headers.items()
        if name.lower() in ('allow', 'retry-after', 'www-authenticate')
    }
    return _answer(request, response.status_int, code, detail, kept)


def _answer(request, status, code, detail, headers=()):
    error = {
        'request_id': request.environ.get('openstack.request_id', ''),
        'code': f'sentinella.{code}',
        'status': status,
        'title': http.HTTPStatus(status).phrase,
        'detail': detail,
        'links': [],
    }
    response = webob.Response(
        status=status,
        text=json.dumps({'errors': [error]}),
        content_type='application/json',
        charset='UTF-8',
    )
    response.headers.update(headers)
    return response
