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
    cfg.IntOpt(
        'flap_changes',
        default=8,
        min=3,
        help='An alarm that changes its state or severity so often within '
        'flap_window is flapping: that is told once, and then nothing until '
        'it has settled.',
    ),
    cfg.FloatOpt(
        'flap_window',
        default=1800.0,
        min=1.0,
        help='Seconds within which flap_changes are too many.',
    ),
    cfg.FloatOpt(
        'flap_settle',
        default=600.0,
        min=1.0,
        help='Seconds without a change after which an alarm has settled.',
    ),
    cfg.StrOpt(
        'heartbeat_url',
        secret=True,
        help='Where one of all evaluators posts to as long as alarms are '
        'looked for: a monitor outside of this cloud that tells of it when '
        'it hears nothing more, as no alarm of ours would.',
    ),
    cfg.FloatOpt(
        'heartbeat_interval',
        default=60.0,
        min=0.01,
        help='Seconds between two posts to heartbeat_url.',
    ),
    cfg.BoolOpt(
        'disabled_implies_maintenance',
        default=False,
        help='Whether a service that an operator disabled, in Nova, Cinder '
        'or Neutron, is in maintenance on its host meanwhile. One that '
        'disabled itself is not. All evaluators have to be told the same.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
