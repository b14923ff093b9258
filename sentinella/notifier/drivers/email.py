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

"""Sends notifications as mails."""

from oslo_config import cfg

from sentinella import exceptions
from sentinella.notifier import addresses
from sentinella.notifier import base
from sentinella.notifier import mail
from sentinella.notifier import mandrill
from sentinella.notifier import smtp
from sentinella.notifier import web

SECURITY = tuple(smtp.PORTS)

#: Settings that go only with another.
NEEDS = {
    'port': ('host',),
    'security': ('host',),
    'username': ('host', 'password'),
    'password': ('username',),
    'host': ('sender',),
    'mandrill_key': ('sender',),
}


class EmailDriver(base.Driver):
    """Sends notifications as mails, as text and HTML.

    They go through the server that the operator names in
    ``[notifier_email]``, or through the channel's own: an SMTP server, or
    Mailchimp Transactional (Mandrill). All mails about one alarm are one
    thread. A mail that is sent again has the same ``Message-ID``, which is
    made of the notification's id.

    A 4xx of the server is tried again, and so are credentials that it does
    not accept; after any other 5xx it is given up. Where the server refuses
    some of the recipients for good the others get it, and the record of the
    attempt says who does not.
    """

    schema = base.settings(
        {
            'to': {
                'type': 'array',
                'title': 'To',
                'description': 'Addresses that it goes to.',
                'items': mail.ADDRESS,
                'minItems': 1,
                'maxItems': 50,
                'uniqueItems': True,
            },
            'sender': {
                **mail.ADDRESS,
                'title': 'Sender',
                'description': 'Address that it comes from, where the server '
                "or the key is the channel's own.",
            },
            'host': {
                'type': 'string',
                'title': 'SMTP server',
                'description': 'A server of its own, in the place of the '
                "operator's.",
                'pattern': '^[A-Za-z0-9.:_-]+' + mail.END,
                'maxLength': 253,
            },
            'port': {
                'type': 'integer',
                'title': 'Port',
                'description': 'If not given: 587, 465 with TLS, 25 without.',
                'minimum': 1,
                'maximum': 65535,
            },
            'security': {
                'type': 'string',
                'title': 'Security',
                'description': 'How it is encrypted: starttls (if not '
                'given), tls, or none.',
                'enum': list(SECURITY),
            },
            'username': {
                'type': 'string',
                'title': 'User name',
                'description': "The server's, if it wants one.",
                'minLength': 1,
                'maxLength': 255,
            },
            'password': {
                'type': 'string',
                'title': 'Password',
                'description': 'That goes with the user name.',
                'minLength': 1,
                'maxLength': 1000,
            },
            'mandrill_key': {
                'type': 'string',
                'title': 'Mandrill key',
                'description': 'Sends through Mailchimp Transactional '
                'instead, with this key.',
                'pattern': '^[!-~]+' + mail.END,
                'maxLength': 200,
            },
        },
        required=['to'],
    )
    secrets = ('password', 'mandrill_key')

    OPTIONS = (
        cfg.StrOpt(
            'sender',
            default='',
            sample_default='sentinella@example.org',
            help='Address that mails come from.',
        ),
        cfg.HostAddressOpt(
            'host',
            sample_default='mail.example.org',
            help='SMTP server that sends the mails of all channels that have '
            'none of their own.',
        ),
        cfg.PortOpt(
            'port', default=0, help='0: 587, 465 with TLS, 25 without.'
        ),
        cfg.StrOpt(
            'security',
            default='starttls',
            choices=SECURITY,
            help='How what is said to it is encrypted.',
        ),
        cfg.StrOpt('username', default='', help='If it wants one.'),
        cfg.StrOpt(
            'password', default='', secret=True, help='Goes with username.'
        ),
        cfg.StrOpt(
            'cafile',
            help='File with the certificates (PEM) of the authorities to '
            'trust, those of the system if not set.',
        ),
        cfg.StrOpt(
            'mandrill_key',
            default='',
            secret=True,
            help='Key of Mailchimp Transactional, which is used in the place '
            'of an SMTP server.',
        ),
        cfg.URIOpt(
            'mandrill_url',
            default=mandrill.URL,
            schemes=['http', 'https'],
            help='Where Mailchimp Transactional takes mails.',
        ),
    )

    def __init__(self, conf):
        super().__init__(conf)
        if self.options.username and self.options.security == 'none':
            raise exceptions.InvalidConfiguration(
                f'[{self.group()}] security: expected starttls or tls, since '
                'there is a username'
            )
        self._client = web.Client(conf)
        self._addresses = addresses.Addresses(
            conf.notifier.allowed_networks, conf.notifier.refused_networks
        )

    @classmethod
    def check(cls, settings):
        super().check(settings)
        for name, others in NEEDS.items():
            missing = [one for one in others if one not in settings]
            if name in settings and missing:
                raise exceptions.InvalidInput(
                    f'settings.{missing[0]}: missing, {name} needs it'
                )
        if 'host' in settings and 'mandrill_key' in settings:
            raise exceptions.InvalidInput(
                'settings.host: not together with mandrill_key'
            )
        if 'sender' in settings and not _own(settings):
            # nobody is to write in others' names through our server
            raise exceptions.InvalidInput(
                'settings.sender: only with host or mandrill_key'
            )
        if 'username' in settings and settings.get('security') == 'none':
            raise exceptions.InvalidInput(
                'settings.security: expected starttls or tls, since there is '
                'a username'
            )

    def send(self, settings, message):
        own = _own(settings)
        sender = settings['sender'] if own else self.options.sender
        key = settings.get('mandrill_key', '')
        if not own:
            key = self.options.mandrill_key
        if not own and not (sender and (key or self.options.host)):
            raise exceptions.Final(
                f'no server: [{self.group()}] has no host and sender, nor '
                'has the channel'
            )
        if key:
            answer = mandrill.send(
                self._client,
                self.options.mandrill_url,
                key,
                message,
                sender,
                settings['to'],
            )
        else:
            answer = self._by_smtp(settings, message, sender)
        return base.Delivered(answer, mail.reference(message))

    def _by_smtp(self, settings, message, sender):
        return smtp.send(
            self._server(settings),
            mail.build(message, sender, settings['to']),
            sender,
            settings['to'],
            self.conf.notifier.timeout,
            mail.domain(sender),
        )

    def _server(self, settings):
        options = self.options
        if _own(settings):
            return smtp.Server(
                host=settings['host'],
                port=settings.get('port', 0),
                security=settings.get('security', 'starttls'),
                username=settings.get('username', ''),
                password=settings.get('password', ''),
                addresses=self._addresses,
            )
        return smtp.Server(
            host=options.host,
            port=options.port,
            security=options.security,
            username=options.username,
            password=options.password,
            cafile=options.cafile,
        )


def _own(settings):
    """Whether it goes through what is the channel's own."""
    return 'host' in settings or 'mandrill_key' in settings
