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

GROUP = cfg.OptGroup('notifier', title='The delivery of notifications')

OPTS = [
    cfg.FloatOpt(
        'timeout',
        default=10.0,
        min=0.5,
        help='Seconds that a driver may take for one attempt.',
    ),
    cfg.IntOpt(
        'max_attempts',
        default=10,
        min=1,
        help='Attempts before a notification is given up as dead.',
    ),
    cfg.FloatOpt(
        'backoff',
        default=2.0,
        min=0.1,
        help='Seconds before the second attempt. Each later one waits twice '
        'as long as the one before, ten minutes at most.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
