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

"""Makes a mail of a message."""

import email.header
import email.headerregistry
import email.message
import email.policy
import email.utils
import re

from sentinella import version
from sentinella.notifier import legible

#: Whatever way it goes, no server has to know more than RFC 5321 and 5322.
_POLICY = email.policy.SMTP.clone(cte_type='7bit', refold_source='none')

#: The end of a text in patterns: a line feed may come after what `$` means.
END = '$(?!\\n)'

#: An address as schemas have it: without a name, and of ASCII, so that no
#: server needs to know SMTPUTF8.
ADDRESS = {
    'type': 'string',
    'pattern': "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
    '@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?'
    '(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*' + END,
    'maxLength': 254,
}


def headers(message, sender):
    """What a mail says beside who gets it, and about what.

    All mails of one alarm have the same first `Reference`, so that readers
    show them as one thread; the same message has the same `Message-ID`
    whenever it is sent.

    :param message: see :mod:`sentinella.notifier.message`
    :param sender: an address
    :returns: mapping
    """
    found = {
        'Message-ID': _message_id(message['id'], sender),
        # RFC 3834: nobody is to answer that he is away
        'Auto-Submitted': 'auto-generated',
        'X-Auto-Response-Suppress': 'All',
        'X-Sentinella-Notification': _token(message['id']),
        'X-Sentinella-Kind': _token(message['kind']),
        'X-Sentinella-Severity': _token(message['severity']),
        'X-Mailer': f'sentinella/{version.version_string()}',
    }
    if message['severity'] == 'critical' and message['state'] != 'OK':
        found['Importance'] = 'high'
    before = message['reference'] or {}
    if before:
        chain = dict.fromkeys([before['first'], before['last']])
        found['In-Reply-To'] = _message_id(before['last'], sender)
        found['References'] = ' '.join(
            _message_id(id_, sender) for id_ in chain
        )
    return found


def reference(message):
    """What the alarm's next mail needs, to be in one thread with this."""
    before = message['reference'] or {}
    return {
        'first': before.get('first', message['id']),
        'last': message['id'],
    }


def build(message, sender, recipients):
    """
    :param recipients: addresses
    :returns: an EmailMessage
    """
    mail = email.message.EmailMessage(policy=_POLICY)
    mail['Date'] = email.utils.localtime()
    mail['From'] = email.headerregistry.Address('Sentinella', addr_spec=sender)
    mail['To'] = [
        email.headerregistry.Address(addr_spec=one) for one in recipients
    ]
    # what folds the others loses spaces between words that it encodes
    mail.set_raw('Subject', _subject(legible.line(message['title'], 500)))
    for name, value in headers(message, sender).items():
        mail[name] = value
    mail.set_content(legible.whole(message['text'], 10**6))
    mail.add_alternative(legible.whole(message['html'], 10**6), subtype='html')
    return mail


def _subject(title):
    plain = title.isascii() and '=?' not in title
    return email.header.Header(
        title, 'us-ascii' if plain else 'utf-8', header_name='Subject'
    ).encode(linesep='\n')


def _message_id(id_, sender):
    return f'<{_token(id_)}@{domain(sender)}>'


def domain(address):
    return address.rpartition('@')[2]


def _token(text):
    """Of any text, what a header can hold as one word."""
    text = re.sub('[^A-Za-z0-9]', '-', text)
    return text[:100] or '-'
