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

"""Writes notifications into a syslog."""

from oslo_config import cfg

from sentinella import exceptions
from sentinella.notifier import addresses
from sentinella.notifier import base
from sentinella.notifier import syslog
from sentinella.notifier import web

#: What is so where a channel says nothing.
TRANSPORT = 'tcp'
FACILITY = 'daemon'
APP_NAME = 'sentinella'

#: Settings that go only with another.
NEEDS = {
    'port': 'host',
    'transport': 'host',
    'verify': 'host',
    'cafile': 'host',
}
#: And those that go only with TLS.
OF_TLS = tuple(web.TLS_SETTINGS)


class SyslogDriver(base.Driver):
    """Writes notifications into a syslog.

    As RFC 5424 has them, each within 2048 bytes: what is wrong and why as
    the text, and as structured data `notification_id`, which is the same at
    each attempt, `alarm_id`, `kind`, `severity`, `state`, `definition`,
    `server`, `service` and `project_id`. Of its severities, `crit`, `err`,
    `warning` and `info` stand for ours; what is over, and a test, is a
    `notice`.

    Over TCP and TLS the length goes before each message (RFC 6587, 3.4.1;
    rsyslog and syslog-ng read that), and it was taken when the receiver has
    ended the connection after us; where it does not, it is sent again. UDP
    tells nothing: what gets lost on the way is lost.

    A `socket` of the node, such as /dev/log, is for those that the operator
    names in `[notifier_syslog] sockets`, on the evaluators and on the nodes
    of the API.
    """

    DIGESTS = False
    schema = base.settings(
        {
            'host': {
                'type': 'string',
                'title': 'Host',
                'description': 'Name or address of the receiver.',
                'pattern': '^[A-Za-z0-9.:_-]+$',
                'maxLength': 253,
            },
            'port': {
                'type': 'integer',
                'title': 'Port',
                'description': 'If not given: 514, 6514 with TLS.',
                'minimum': 1,
                'maximum': 65535,
            },
            'transport': {
                'type': 'string',
                'title': 'Transport',
                'description': f'How it gets there; {TRANSPORT} if not given.',
                'enum': list(syslog.PORTS),
            },
            'socket': {
                'type': 'string',
                'title': 'Socket',
                'description': 'Path of a socket of datagrams on the '
                'evaluators, in the place of a host, where the operator '
                'allows it.',
                'pattern': '^/[ -~]+$',
                'maxLength': 100,
            },
            'facility': {
                'type': 'string',
                'title': 'Facility',
                'description': f'What it is sorted by; {FACILITY} if not '
                'given.',
                'enum': list(syslog.FACILITIES),
            },
            'app_name': {
                'type': 'string',
                'title': 'Application',
                'description': 'The name of who says it; '
                f'{APP_NAME} if not given.',
                'pattern': '^[!-~]+$',
                'maxLength': 48,
            },
            **web.TLS_SETTINGS,
        }
    )

    OPTIONS = (
        cfg.ListOpt(
            'sockets',
            default=[],
            sample_default='/dev/log',
            help='Unix sockets on this node that channels, whosever they '
            'are, may write to.',
        ),
        cfg.IntOpt(
            'enterprise_number',
            default=32473,
            min=1,
            help='Private enterprise number (IANA) behind the name of the '
            'structured data, sentinella@32473: the one of examples, unless '
            'you have one of your own.',
        ),
    )

    def __init__(self, conf):
        super().__init__(conf)
        self._addresses = addresses.Addresses(
            conf.notifier.allowed_networks, conf.notifier.refused_networks
        )

    @classmethod
    def check(cls, settings):
        super().check(settings)
        if ('host' in settings) == ('socket' in settings):
            raise exceptions.InvalidInput(
                'settings.host: expected either a host or a socket'
            )
        for name, other in NEEDS.items():
            if name in settings and other not in settings:
                raise exceptions.InvalidInput(
                    f'settings.{other}: missing, {name} needs it'
                )
        for name in OF_TLS:
            if name in settings and _transport(settings) != 'tls':
                raise exceptions.InvalidInput(
                    f'settings.transport: expected tls, {name} needs it'
                )

    def send(self, settings, message):
        payload = syslog.render(message, self._origin(settings))
        timeout = self.conf.notifier.timeout
        if 'socket' in settings:
            path = settings['socket']
            if path not in self.options.sockets:
                raise exceptions.Final(
                    f'the socket is refused; see [{self.group()}] sockets'
                )
            syslog.send_to_socket(path, payload, timeout)
            return base.Delivered('taken')
        receiver = self._receiver(settings)
        return base.Delivered(syslog.send(receiver, payload, timeout))

    def _origin(self, settings):
        return syslog.Origin(
            facility=settings.get('facility', FACILITY),
            app_name=settings.get('app_name', APP_NAME),
            host=self.conf.host,
            enterprise=self.options.enterprise_number,
        )

    def _receiver(self, settings):
        transport = _transport(settings)
        return syslog.Receiver(
            host=settings['host'],
            port=settings.get('port', syslog.PORTS[transport]),
            transport=transport,
            cafile=settings.get('cafile'),
            verify=settings.get('verify', True),
            addresses=self._addresses,
        )


def _transport(settings):
    return settings.get('transport', TRANSPORT)
