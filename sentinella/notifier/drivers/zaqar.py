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

"""Puts notifications into a queue of Zaqar."""

import time
import urllib.parse
import uuid

from keystoneauth1 import exceptions as ks
from keystoneauth1 import loading
from oslo_config import cfg

from sentinella import exceptions
from sentinella.notifier import base
from sentinella.notifier import web

#: The kind of credential whose options are shown; any other will do.
SHOWN = 'v3password'

#: Seconds that a message stays in the queue, where a channel says nothing.
TTL = 86400

#: Requests that one message may need: a token, then again with a new one.
REQUESTS = 3


def options():
    """Those of keystoneauth, as `[notifier_zaqar]` has them."""
    found = [
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options(SHOWN),
        *loading.get_session_conf_options(),
        *loading.get_adapter_conf_options(include_deprecated=False),
    ]
    cfg.set_defaults(found, service_type='messaging')
    return found


class ZaqarDriver(base.Driver):
    """Puts notifications into a queue of Zaqar.

    As JSON, the same that `webhook` posts; who reads the queue knows by the
    `id` what comes twice. The queue is named ``sentinella-`` and the id of
    the channel's project, and `queue` where the channel has one; it is made
    when it is not there. It belongs to the project of the credential in
    `[notifier_zaqar]`, which also says what the catalog has to be asked for:
    set `auth_type` and what goes with it, and `region_name` where there are
    several.
    """

    schema = base.settings(
        {
            'queue': {
                'type': 'string',
                'title': 'Queue',
                'description': 'The end of its name, for a project that '
                'wants several.',
                'pattern': '^[A-Za-z0-9_-]+$',
                # of a queue's 64, see queue_of
                'maxLength': 20,
            },
            'ttl': {
                'type': 'integer',
                'title': 'Time to live',
                'description': 'Seconds that a message stays if nobody '
                f'deletes it; {TTL} (a day) if not given.',
                'minimum': 60,
                'maximum': 1209600,
            },
        }
    )
    OPTIONS = options()

    def __init__(self, conf):
        super().__init__(conf)
        self._adapter = _adapter(conf, self.group())

    def send(self, settings, message):
        body = {n: v for n, v in message.items() if n != 'reference'}
        ttl = settings.get('ttl', TTL)
        answer = self._post(
            queue_of(settings, message),
            {'messages': [{'ttl': ttl, 'body': body}]},
        )
        return base.Delivered(str(answer))

    def _post(self, queue, body):
        name = urllib.parse.quote(queue, safe='')
        try:
            response = self._adapter.post(
                f'/v2/queues/{name}/messages',
                json=body,
                headers={'Client-ID': str(uuid.uuid4())},
                raise_exc=False,
                redirect=False,
            )
        except ks.ClientException as reason:
            error = exceptions.Retry(f'no answer: {type(reason).__name__}')
        else:
            answer = web.Answer(response.status_code, response.headers)
            web.judge(answer, '', time.time())
            return answer
        # outside: its text may hold the address of what is inside
        raise error


def queue_of(settings, message):
    """The name of a queue: nobody writes into another project's."""
    parts = ['sentinella', message['project_id'], settings.get('queue')]
    return '-'.join(part for part in parts if part)


def _adapter(conf, group):
    """
    :raises InvalidConfiguration: the credential can't be used
    """
    try:
        auth = loading.load_auth_from_conf_options(conf, group)
        if auth is None:
            raise exceptions.InvalidConfiguration(
                f'[{group}] auth_type: expected a kind of credential'
            )
        session = loading.load_session_from_conf_options(
            conf, group, auth=auth
        )
        # of all of them, if the operator says nothing of each
        session.timeout = session.timeout or conf.notifier.timeout / REQUESTS
        return loading.load_adapter_from_conf_options(
            conf, group, session=session
        )
    except (ks.ClientException, cfg.Error, OSError, ValueError) as reason:
        error = f'[{group}] {type(reason).__name__}'
    raise exceptions.InvalidConfiguration(error)
