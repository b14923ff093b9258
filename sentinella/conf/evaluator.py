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

GROUP = cfg.OptGroup('evaluator', title='The evaluator of alarm definitions')

OPTS = [
    cfg.IntOpt(
        'workers',
        default=1,
        min=1,
        help='Number of evaluator processes on this node.',
    ),
    cfg.FloatOpt(
        'interval',
        default=10.0,
        min=1.0,
        help='Seconds between two evaluations of a definition that nothing '
        'pokes. It is also how long a claim holds: the longest delay that '
        'the death of an evaluator causes.',
    ),
    cfg.FloatOpt(
        'silent_after',
        default=35.0,
        min=2.0,
        help="Seconds without a report after which a server's own samples "
        'no longer stand for its present state.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
