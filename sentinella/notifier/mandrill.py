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

"""Mailchimp Transactional, formerly Mandrill: mails by one POST.

See https://mailchimp.com/developer/transactional/api/messages/.
"""

from sentinella import exceptions
from sentinella.notifier import legible
from sentinella.notifier import mail

URL = 'https://mandrillapp.com/api/1.0/messages/send.json'

#: What becomes of a mail to one recipient, where it goes.
GONE = ('sent', 'queued', 'scheduled')

#: Errors that time does not mend; they come as HTTP 500, as all of them do.
FINAL = ('ValidationError', 'Unknown_Template', 'Invalid_Template')


def send(client, url, key, message, sender, recipients):
    """
    :param client: a :class:`sentinella.notifier.web.Client`
    :returns: what they said, in short
    :raises Retry: it may go the next time
    :raises Final: it will never go
    """
    body = {'key': key, 'message': _mail(message, sender, recipients)}
    refusals = []

    def explain(answer):
        refusals.append(_error(answer))
        return refusals[-1]

    try:
        answer = client.post(
            url, json=body, settings={'key': key}, explain=explain
        )
    except exceptions.Retry as error:
        if refusals and refusals[-1].startswith(FINAL):
            final = exceptions.Final(str(error))
        else:
            raise
    else:
        return _judge(answer.json())
    raise final


def _mail(message, sender, recipients):
    return {
        'from_email': sender,
        'from_name': 'Sentinella',
        'to': [{'email': one, 'type': 'to'} for one in recipients],
        'subject': message['title'],
        'text': message['text'],
        'html': message['html'],
        'headers': mail.headers(message, sender),
        'important': message['severity'] == 'critical',
        'preserve_recipients': True,
        # nobody is to be watched while reading this
        'track_opens': False,
        'track_clicks': False,
    }


def _error(answer):
    """What they say went wrong, '' where nothing did."""
    said = answer.json()
    if not isinstance(said, dict):
        return ''
    return legible.line(f'{said.get("name")}: {said.get("message")}', 200)


def _judge(said):
    """
    :param said: one mapping for each recipient
    :raises Final: none of them gets it
    """
    if not isinstance(said, list):
        raise exceptions.Retry('no answer as Mandrill gives it')
    refused = [
        f'{one.get("email")} {one.get("status")} {one.get("reject_reason")}'
        for one in said
        if isinstance(one, dict) and one.get('status') not in GONE
    ]
    text = legible.line('refused: ' + ', '.join(refused), 200)
    if refused and len(refused) == len(said):
        raise exceptions.Final(text)
    return text if refused else 'taken for all'
