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

"""The whole SDK: an authenticated session, pages, names, and errors."""

import uuid
from urllib import parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ks_exceptions
from osc_lib import exceptions

ERRORS = {
    error.http_status: error
    for error in (
        exceptions.BadRequest,
        exceptions.Unauthorized,
        exceptions.Forbidden,
        exceptions.NotFound,
        exceptions.Conflict,
        exceptions.OverLimit,
        exceptions.HTTPNotImplemented,
    )
}


class Client:
    """Speaks to the API below `/v1`.

    Every method raises one of osc-lib's ClientExceptions where the API
    answers with an error, and CommandError where it does not answer.

    :param session: of keystoneauth1
    :param api_version: microversion to ask for
    :param endpoint: what keystoneauth1 finds the API by, such as
        service_type, interface and region_name
    """

    def __init__(self, session, api_version='1.0', **endpoint):
        self._adapter = adapter.Adapter(session, **endpoint)
        if '.' not in api_version:
            api_version += '.0'
        self._headers = {
            'Accept': 'application/json',
            'OpenStack-API-Version': f'sentinella {api_version}',
        }

    def get(self, path, **query):
        """
        :param query: those that are None are left out
        """
        return self._request('GET', path, params=_given(query))

    def post(self, path, body=None):
        return self._request('POST', path, json=body or {})

    def patch(self, path, body):
        return self._request('PATCH', path, json=body)

    def delete(self, path):
        self._request('DELETE', path)

    def pages(self, path, key, limit=None, **query):
        """Follow the pages of a list as far as they are wanted.

        :param key: what the list is called in the answer
        :param limit: most items; None for all
        :returns: generator of items
        """
        left = limit
        while left is None or left > 0:
            answer = self.get(path, limit=left, **query)
            items = answer[key][:left]
            yield from items
            if not items or not answer.get(f'{key}_links'):
                return
            query['marker'] = _marker(answer[f'{key}_links'])
            left = left and left - len(items)

    def find(self, path, key, name_or_id, by='name', **query):
        """Read one thing by its UUID or, with one filtered list, its name.

        :param by: the field, and filter, that holds its name
        :param query: what is asked for beside its name
        :raises CommandError: there is none, or more than one
        """
        number = as_uuid(name_or_id)
        if number:
            return self.get(f'{path}/{number}')
        found = [
            item
            for item in self.pages(path, key, **{by: name_or_id}, **query)
            if item[by] == name_or_id
        ]
        if len(found) != 1:
            problem = 'More than one of the' if found else 'None of the'
            raise exceptions.CommandError(
                f'{problem} {key.replace("_", " ")} has the {by} '
                f"'{name_or_id}'."
            )
        return found[0]

    def stream(self, path, headers, silence, **query):
        """
        :param silence: seconds without a byte, after which it is given up
        :returns: a response of requests, whose body is still to be read
        """
        return self._send(
            'GET',
            path,
            headers,
            params=_given(query),
            stream=True,
            timeout=silence,
        )

    def _request(self, method, path, **arguments):
        response = self._send(method, path, {}, **arguments)
        return response.json() if response.content else None

    def _send(self, method, path, headers, **arguments):
        try:
            response = self._adapter.request(
                f'/v1/{path}',
                method,
                headers={**self._headers, **headers},
                raise_exc=False,
                **arguments,
            )
        except ks_exceptions.ConnectFailure as error:
            raise exceptions.CommandError(_reason(error))
        if response.status_code >= 400:
            raise _error(response)
        return response


def as_uuid(text):
    """A UUID as the API writes it, or None where the text is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _marker(links):
    """Where the next page begins, of the link to it."""
    href = next(link['href'] for link in links if link['rel'] == 'next')
    return parse.parse_qs(parse.urlsplit(href).query)['marker'][0]


def _given(query):
    return {name: value for name, value in query.items() if value is not None}


def _error(response):
    """Make osc-lib's exception of an answer in the form of the API-SIG."""
    try:
        errors = response.json()['errors']
        message = ' '.join(
            error['detail'] or error['title'] for error in errors
        )
    except (ValueError, KeyError, TypeError):
        message = response.reason or 'Unknown error'
    kind = ERRORS.get(response.status_code, exceptions.ClientException)
    return kind(response.status_code, message)


def _reason(error):
    """Its first sentence; the rest is the insides of urllib3."""
    return str(error).partition(': ')[0] + '.'
