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

"""Which version of the API an answer is in.

History:

1.0
    The first.
"""

import re

import webob.dec

from sentinella.api import errors

HEADER = 'OpenStack-API-Version'
SERVICE = 'sentinella'
MIN = (1, 0)
MAX = (1, 0)


def text(version):
    return '{}.{}'.format(*version)


class Microversion:
    """Refuses what it does not speak, and says what it spoke."""

    def __init__(self, app, parts):
        self._app = app

    @webob.dec.wsgify
    def __call__(self, request):
        try:
            version = read(request.headers.get(HEADER, ''))
        except errors.HttpError as error:
            return errors.answer_exception(request, error)
        request.environ['sentinella.microversion'] = version
        response = request.get_response(self._app)
        response.headers[HEADER] = f'{SERVICE} {text(version)}'
        response.headers.add('Vary', HEADER)
        return response


def read(header):
    """
    :param header: such as `sentinella 1.0` or `compute 2.1, sentinella
        latest`; without a word of us it means the lowest version
    :returns: (major, minor)
    """
    for word in header.split(','):
        service, _, wanted = word.strip().partition(' ')
        if service == SERVICE:
            return _version(wanted.strip())
    return MIN


def _version(wanted):
    if wanted == 'latest':
        return MAX
    if not re.fullmatch(r'[1-9]\d{0,5}\.\d{1,6}', wanted, re.ASCII):
        raise errors.HttpError(
            400,
            'invalid_version',
            f'{HEADER}: expected "{SERVICE} {text(MAX)}" or '
            f'"{SERVICE} latest"',
        )
    version = tuple(int(number) for number in wanted.split('.'))
    if not MIN <= version <= MAX:
        raise errors.HttpError(
            406,
            'unsupported_version',
            f'{HEADER}: version {wanted} is not supported, the lowest is '
            f'{text(MIN)} and the highest {text(MAX)}',
            {HEADER: f'{SERVICE} {text(MAX)}', 'Vary': HEADER},
        )
    return version
