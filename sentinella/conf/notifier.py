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

import ipaddress

from oslo_config import cfg
from oslo_config import types


class _Network(types.ConfigType):
    """An :class:`ipaddress.IPv4Network`, or one of IPv6."""

    def __init__(self):
        super().__init__(type_name='network value')

    def __call__(self, value):
        return ipaddress.ip_network(value)

    def _formatter(self, value):
        return str(value)


GROUP = cfg.OptGroup('notifier', title='The delivery of notifications')

OPTS = [
    cfg.FloatOpt(
        'timeout',
        default=10.0,
        min=0.5,
        help='Seconds that a driver may take for one attempt.',
    ),
    cfg.FloatOpt(
        'give_up_after',
        default=14400.0,
        min=0.0,
        help='Seconds of attempts after which a message is given up as dead.',
    ),
    cfg.FloatOpt(
        'backoff',
        default=2.0,
        min=0.1,
        help='Seconds before the second attempt. Each later one waits twice '
        'as long as the one before, ten minutes at most.',
    ),
    cfg.ListOpt(
        'allowed_networks',
        item_type=_Network(),
        default=[],
        sample_default='10.1.2.3/32,fd00:1::/64',
        help='Networks that notifications may be sent to although they are '
        'refused otherwise: loopback, link-local, multicast, metadata '
        'services of clouds, and refused_networks.',
    ),
    cfg.ListOpt(
        'refused_networks',
        item_type=_Network(),
        default=[],
        sample_default='10.0.0.0/8,192.168.0.0/16',
        help='Further networks that no channel may have notifications sent '
        'to, such as those that users who can make channels must not reach.',
    ),
    cfg.ListOpt(
        'restricted_drivers',
        default=['oslo'],
        help='Drivers that only channels of the project '
        '[DEFAULT] service_project_id may use, whoever makes them: what they '
        'reach is not for all who can make channels. The same for the API '
        'and all evaluators.',
    ),
    cfg.ListOpt(
        'secret_keys',
        secret=True,
        default=[],
        help="Keys that seal channels' settings in the database, the same "
        'for the API and all evaluators: the first one seals, all of them '
        'open. sentinella-manage secrets key makes one. To replace it, add a '
        'new one everywhere, put it first everywhere, run sentinella-manage '
        'secrets rotate, and remove the old one.',
    ),
    cfg.BoolOpt(
        'store_plain_secrets',
        default=False,
        help="Keep channels' settings in the database as they are where "
        'there is no key, instead of refusing them. Whoever reads the '
        'database, or a copy of it, then has all passwords in them.',
    ),
    cfg.StrOpt(
        'link',
        default='',
        regex=r'^(https?://[^\s/{}]+(/([^\s{}]|\{(alarm|server|project|'
        r'channel|notification)\})*)?)?$',
        sample_default='https://dashboard.example.org/alarms/{alarm}',
        help='URL that messages lead to. {alarm}, {server}, {project}, '
        '{channel} and {notification} in its path or query stand for their '
        'UUIDs.',
    ),
    cfg.StrOpt(
        'templates',
        default='',
        sample_default='/etc/sentinella/templates',
        help='Folder with templates in the place of our words: title.j2, '
        "text.j2 and html.j2, in a folder of it that has a driver's name or "
        "a channel's UUID, or in the folder itself.",
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
