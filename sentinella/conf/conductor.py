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

GROUP = cfg.OptGroup('conductor', title='The conductor, which takes reports')

OPTS = [
    cfg.IntOpt(
        'workers',
        default=1,
        min=1,
        help='Number of conductor processes on this node.',
    ),
    cfg.BoolOpt(
        'accept_agents',
        default=True,
        help='Whether the first key that a new server registers with is '
        'accepted by itself. Where it is not, nothing that the server '
        'reports is stored until an operator has accepted it: openstack '
        'sentinella server accept. The API goes by this option as well.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=64,
        min=1,
        max=1024,
        help='Most reports that are stored in one transaction.',
    ),
    cfg.FloatOpt(
        'housekeeping_interval',
        default=300.0,
        min=1.0,
        help='Seconds between two removals of what has expired.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
