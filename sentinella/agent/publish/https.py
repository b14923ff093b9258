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

"""The way over the REST API, for where the message bus is out of reach.

Imported by every agent, so it imports keystoneauth1 only where it is used.
"""

import contextlib

from oslo_config import cfg

from sentinella import exceptions
from sentinella import model
from sentinella import wire

GROUP = cfg.OptGroup(
    'agent_rest', title="The agent's way over the REST API (routes = https)"
)
SERVICE_TYPE = 'infra-monitoring'
#: Seconds to wait for a connection, and for an answer.
TIMEOUT = 10.0
#: Answers after which it is of no use to send the same thing again.
_REFUSALS = (400, 413, 422)


def options(auth_type=None):
    """The options of `[agent_rest]`.

    :param auth_type: whose options are there as well
    """
    from keystoneauth1 import loading

    found = [
        *loading.get_auth_common_conf_options(),
        *(
            loading.get_auth_plugin_conf_options(auth_type)
            if auth_type
            else ()
        ),
        *loading.get_session_conf_options(),
        *loading.get_adapter_conf_options(include_deprecated=False),
    ]
    cfg.set_defaults(found, timeout=TIMEOUT, service_type=SERVICE_TYPE)
    return found


class HttpsRoute:
    """
    :param conf: with the group `[agent_rest]`
    :raises InvalidConfiguration: its credential can't be used
    """

    name = 'https'

    def __init__(self, conf):
        from keystoneauth1 import loading

        group = GROUP.name
        conf.register_opts(options(), group=group)
        with _configured():
            auth = loading.load_auth_from_conf_options(conf, group)
            if auth is None:
                raise exceptions.InvalidConfiguration(
                    '[agent_rest] auth_type is missing: expected one such as '
                    'v3applicationcredential'
                )
            session = loading.load_session_from_conf_options(
                conf, group, auth=auth
            )
            self._adapter = loading.load_adapter_from_conf_options(
                conf, group, session=session, auth=auth
            )

    def register(self, signed):
        """
        :param signed: a Signed whose body is a Registration
        :returns: Receipt
        :raises BusUnavailable: the API took nothing; says why
        """
        return self._post('/v1/registrations', signed)

    def report(self, signed):
        """
        :param signed: a Signed whose body is a Report
        :returns: Receipt
        :raises BusUnavailable: the API took nothing; says why
        """
        return self._post('/v1/reports', signed)

    def look(self):
        """See whether Keystone takes the credential, and the API is there,
        without sending anything.

        :returns: where the API is
        :raises BusUnavailable: one of them is not; says which, and why
        """
        # the API looks at no token there, so that a credential whose access
        # rules allow reports only is enough
        response = self._request('/', 'GET')
        try:
            known = bool(response.json()['versions'])
        except (ValueError, TypeError, LookupError):
            known = False
        where = response.url.partition('?')[0]
        if response.status_code != 200 or not known:
            raise exceptions.BusUnavailable(
                'what answers is not the API of Sentinella '
                f'(HTTP {response.status_code}, {where})'
            )
        return where

    def _post(self, path, signed):
        return _receipt(self._request(path, 'POST', json=wire.to_wire(signed)))

    def _request(self, path, method, **more):
        # raised outside of the handler, which knows of more than is told
        response, problem = None, ''
        from keystoneauth1 import exceptions as ks

        try:
            response = self._adapter.request(
                path,
                method,
                headers={'Accept': 'application/json'},
                raise_exc=False,
                redirect=False,
                # a log of all reports would be one of all logs
                log=False,
                **more,
            )
        except ks.EndpointNotFound:
            problem = (
                f'the catalog has no endpoint of {SERVICE_TYPE}: name it in '
                '[agent_rest] endpoint_override'
            )
        except ks.HttpError as error:
            problem = _of_keystone(error)
        except ks.ConnectionError as error:
            problem = _of_connection(error)
        except (ks.ClientException, OSError, ValueError) as error:
            problem = f'{type(error).__name__}: {_line(str(error))}'
        if response is None:
            raise exceptions.BusUnavailable(problem)
        return response


@contextlib.contextmanager
def _configured():
    from keystoneauth1 import exceptions as ks

    try:
        yield
    except (ks.ClientException, cfg.Error, OSError, ValueError) as error:
        problem = f'[agent_rest] {_line(str(error))}'
    else:
        return
    raise exceptions.InvalidConfiguration(problem)


def _receipt(response):
    status = response.status_code
    if status in _REFUSALS:
        return model.Receipt(
            model.ReceiptStatus.REFUSED, f'HTTP {status}: {_said(response)}'
        )
    problem = {
        401: 'the API does not take the token of [agent_rest]',
        403: "the API forbids it: [agent_rest]'s user needs a role in the "
        'project of this server',
        404: 'there is nothing at this URL, expected the API of Sentinella',
    }.get(status, 'the API does not take reports')
    if status == 200:
        try:
            return wire.from_wire(model.Receipt, response.json())
        except (ValueError, exceptions.InvalidReport):
            problem = 'what answers is not the API of Sentinella'
    host = response.url.partition('?')[0]
    raise exceptions.BusUnavailable(f'{problem} (HTTP {status}, {host})')


def _said(response):
    """The API's own words about an error, in one line."""
    try:
        (error, *_) = response.json()['errors']
        return _line(error.get('detail') or error.get('title') or '')
    except (ValueError, LookupError, TypeError, AttributeError):
        return _line(response.reason or '')


def _of_keystone(error):
    status = error.http_status
    if status == 401:
        return 'Keystone does not take the credential of [agent_rest] (401)'
    return f'Keystone gives no token: HTTP {status}'


def _of_connection(error):
    """The URL, and the innermost reason: what lies between is noise."""
    where = _line(str(error)).partition(': HTTP')[0]
    reason = _innermost(error)
    return f'{where}: {reason}' if reason else where


def _innermost(error):
    """
    :returns: what the operating system or TLS said, or ''
    """
    todo, seen = [error], []
    while todo:
        error = todo.pop(0)
        if not isinstance(error, Exception) or error in seen:
            continue
        seen.append(error)
        found = getattr(error, 'verify_message', None)
        found = found or getattr(error, 'strerror', None)
        if found:
            return found
        reason = getattr(error, 'reason', None)
        todo += [reason, *error.args, error.__cause__, error.__context__]
    return ''


def _line(text):
    return ' '.join(text.split())[:300]
