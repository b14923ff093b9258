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

"""Follows the server-sent events of the API."""

import json
import time

from osc_lib import exceptions
import requests

#: Seconds without a word, after which a connection is given up; the API says
#: something every ten.
SILENCE = 30.0

#: Seconds to wait for the next connection; where the API has no room for it.
PAUSE = 1.0
BUSY = 10.0

MEDIA = 'text/event-stream'


def follow(open_, last=None, sleep=time.sleep):
    """Read events, for ever: where a connection ends, the next begins.

    :param open_: called with headers; returns a response of requests, or
        raises one of osc-lib's exceptions
    :param last: ID of the last event that is known, or None
    :returns: generator of what the API tells as JSON
    """
    came = False
    while True:
        pause = PAUSE
        try:
            with open_(_headers(last)) as response:
                came = True
                for id_, data in read(_chunks(response)):
                    last = id_ or last
                    if data is not None:
                        yield json.loads(data)
        except requests.RequestException:
            """It ended; it is opened again."""
        except exceptions.CommandError:
            # it does not answer: restarted, where it has answered before
            if not came:
                raise
        except exceptions.ClientException as error:
            if not came or error.code < 500:
                raise
            pause = BUSY
        sleep(pause)


def read(chunks):
    """
    :param chunks: iterable of bytes, split anywhere
    :returns: generator of (id, data), each None where there is none
    """
    fields = {}
    for line in _lines(chunks):
        if not line:
            if fields:
                yield fields.get('id'), fields.get('data')
            fields = {}
            continue
        name, _, value = line.partition(':')
        value = value.removeprefix(' ')
        if name == 'data' and name in fields:
            value = f'{fields[name]}\n{value}'
        if name:
            fields[name] = value


def _lines(chunks):
    rest = b''
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b'\n')
        for line in lines:
            yield line.decode().removesuffix('\r')


def _headers(last):
    return {
        'Accept': MEDIA,
        **({} if last is None else {'Last-Event-ID': last}),
    }


def _chunks(response):
    """What has come, without waiting for more."""
    chunked = getattr(response.raw, 'chunked', False)
    return response.iter_content(None if chunked else 1)
