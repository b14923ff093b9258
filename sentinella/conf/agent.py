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

from oslo_config import cfg
from oslo_config import types

GROUP = cfg.OptGroup('agent', title='The agent on every node')

OPTS = [
    cfg.FloatOpt(
        'interval',
        default=10.0,
        min=1.0,
        max=3600.0,
        help='Seconds between two reports of all samples. What changes, a '
        'death above all, is reported at once.',
    ),
    cfg.FloatOpt(
        'watch_interval',
        default=2.0,
        min=0.1,
        max=60.0,
        help='Seconds between two looks at logs, and for what takes the '
        'place of a process that ended. Other new processes are looked for '
        'every third time.',
    ),
    cfg.FloatOpt(
        'probe_interval',
        default=30.0,
        min=1.0,
        max=3600.0,
        help='Seconds between two rounds of the collectors that wait for '
        'others: those that call APIs, databases, the message bus and the '
        'like.',
    ),
    cfg.ListOpt(
        'collectors',
        default=[
            'host',
            'process',
            'logs',
            'api',
            'certificates',
            'clock',
            'haproxy',
            'libvirt',
            'memcached',
            'mysql',
            'nagios',
            'openvswitch',
            'ovn',
            'ping',
            'postgresql',
            'prometheus',
            'rabbitmq',
            'systemd',
            'tcp',
        ],
        help='Names of the collectors to run. Each looks for what it is '
        'about by itself, and does nothing where there is none of it.',
    ),
    cfg.ListOpt(
        'disabled_collectors',
        default=[],
        help='Names of collectors that are not run even so.',
    ),
    cfg.ListOpt(
        'exclude_services',
        default=[],
        help='Services that are not watched though they are found.',
    ),
    cfg.MultiStrOpt(
        'services_file',
        default=[],
        help='Further files in the form of knowledge/services.yaml. An '
        'entry replaces the built-in one of the same name; its log_files '
        'name logs where they are not found by themselves.',
    ),
    cfg.IntOpt(
        'spool_max_bytes',
        default=64 * 1024 * 1024,
        min=1024 * 1024,
        help='Size of the spool on disk that reports wait in while nobody '
        'takes them. The oldest are dropped, and counted, beyond it.',
    ),
    cfg.IntOpt(
        'max_events_per_second',
        default=50,
        min=1,
        help='Log events that one service may report in a second. More are '
        'counted in its samples but not sent.',
    ),
    cfg.ListOpt(
        'routes',
        item_type=types.String(choices=['bus', 'https']),
        default=['bus'],
        help='Ways to the conductors, the best first: over the message bus, '
        'or over the REST API with the credential in [agent_rest]. The next '
        'one is taken at once where nobody answers over one, until a better '
        'one works again.',
    ),
    cfg.FloatOpt(
        'report_timeout',
        default=10.0,
        min=1.0,
        help='Seconds to wait for the acknowledgement of a report before it '
        'is sent again.',
    ),
    cfg.StrOpt(
        'cloud_group',
        default='',
        help='Cloud or region that this server is first filed under.',
    ),
    cfg.StrOpt(
        'location',
        default='',
        help='Where this server stands, in words of your own.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
