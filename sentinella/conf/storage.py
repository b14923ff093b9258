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

GROUP = cfg.OptGroup('storage', title='The storage of samples')

OPTS = [
    cfg.StrOpt(
        'driver',
        default='sql',
        help='Name of the storage engine for samples.',
    ),
    cfg.FloatOpt(
        'retention_hours',
        default=48.0,
        min=1.0,
        help='Hours that samples are kept.',
    ),
    cfg.FloatOpt(
        'log_retention_hours',
        default=168.0,
        min=1.0,
        help='Hours that log events are kept.',
    ),
    cfg.FloatOpt(
        'event_retention_hours',
        default=24.0,
        min=1.0,
        help='Hours for which a client of GET /v1/events may stay away and '
        'still misses nothing.',
    ),
    cfg.FloatOpt(
        'alarm_retention_days',
        default=90.0,
        min=1.0,
        help='Days that resolved alarms are kept with their transitions.',
    ),
    cfg.FloatOpt(
        'uptime_retention_days',
        default=400.0,
        min=1.0,
        help='Days for which uptimes can be told: that the changes of state '
        'of servers and services are kept, and windows that are over.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
