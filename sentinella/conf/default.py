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

import socket

from oslo_config import cfg

OPTS = [
    cfg.HostAddressOpt(
        'host',
        default=socket.gethostname(),
        sample_default='<hostname>',
        help='Name of this node: how its server is called, and how its '
        'processes sign what they claim.',
    ),
    cfg.StrOpt(
        'state_path',
        default='/var/lib/sentinella',
        help='Directory that the agent, and the standalone service, keep '
        'their own files in.',
    ),
    cfg.StrOpt(
        'service_project_id',
        default='service',
        help='ID of the project that the servers of the cloud itself belong '
        'to; usually that of the project named "service".',
    ),
]


def register_opts(conf):
    conf.register_opts(OPTS)


def list_opts():
    return [(None, OPTS)]
