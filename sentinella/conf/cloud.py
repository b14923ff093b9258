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

GROUP = cfg.OptGroup(
    'cloud', title="The cloud's own view, which conductors ask its APIs for"
)

#: The APIs that are asked, as their projects are called.
APIS = ('keystone', 'nova', 'neutron', 'cinder')

OPTS = [
    cfg.FloatOpt(
        'interval',
        default=60.0,
        min=10.0,
        max=60.0,
        help='Seconds between two times that the APIs of the cloud are '
        'asked what they take for alive, by one of the conductors. They are '
        'asked only where auth_type is set.',
    ),
    cfg.ListOpt(
        'apis',
        item_type=cfg.types.String(choices=APIS),
        default=list(APIS),
        help='The APIs that are asked. One that is not in the catalog is not.',
    ),
    cfg.StrOpt(
        'region_name',
        help='Region whose APIs are asked; where there is one only, it need '
        'not be named.',
    ),
    cfg.StrOpt(
        'interface',
        default='internal',
        choices=['internal', 'public', 'admin'],
        help='Interface of the endpoints that are asked.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
