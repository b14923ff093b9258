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

GROUP = cfg.OptGroup('api', title='The REST API')

OPTS = [
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'tokens are validated by keystonemiddleware'),
            ('noauth', 'everybody is the admin; standalone sets it itself'),
        ],
        help='How the API knows who asks.',
    ),
    cfg.IntOpt(
        'max_limit',
        default=1000,
        min=1,
        max=10000,
        help='Most items that one answer of a list holds.',
    ),
    cfg.IntOpt(
        'max_request_body_size',
        default=1048576,
        min=1024,
        help='Largest request body, in bytes, that is read. An agent that '
        'reports over HTTPS sends up to 400 KiB at once.',
    ),
    cfg.IntOpt(
        'max_streams',
        default=4,
        min=0,
        help='Most streams of GET /v1/events that one process has open, half '
        'of them at most of one user. Each takes one of the threads that the '
        'WSGI server has in each process: give it more than these.',
    ),
    cfg.FloatOpt(
        'stream_duration',
        default=300.0,
        min=1.0,
        help='Seconds after which such a stream ends: its client comes '
        'again, misses nothing, and its token is validated anew.',
    ),
    cfg.PortOpt(
        'standalone_port',
        default=9899,
        help='Port on loopback that sentinella-standalone serves the API on.',
    ),
]


def register_opts(conf):
    # by its name: oslo.config would share the group's values between all
    # ConfigOpts of a process
    conf.register_opts(OPTS, group=GROUP.name)


def list_opts():
    return [(GROUP, OPTS)]
