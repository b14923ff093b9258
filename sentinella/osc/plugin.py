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

"""`openstack sentinella ...`: what the OpenStack client asks a plugin for."""

from sentinella.osc import http

DEFAULT_API_VERSION = '1.0'
API_VERSION_OPTION = 'os_sentinella_api_version'
API_NAME = 'sentinella'
API_VERSIONS = ('1', '1.0')

#: What the catalog calls the API; a project's name is not a service type.
SERVICE_TYPE = 'infra-monitoring'


def make_client(instance):
    """
    :param instance: the client manager of osc-lib
    :returns: the :class:`~sentinella.osc.http.Client` that commands find
        as `self.app.client_manager.sentinella`
    """
    return http.Client(
        instance.session,
        api_version=instance._api_version[API_NAME],
        service_type=SERVICE_TYPE,
        interface=instance.interface,
        region_name=instance.region_name,
    )


def build_option_parser(parser):
    """Add the global option for the API version."""
    parser.add_argument(
        '--os-sentinella-api-version',
        metavar='<sentinella-api-version>',
        default=None,
        help=f'Sentinella API version, default={DEFAULT_API_VERSION} '
        '(Env: OS_SENTINELLA_API_VERSION)',
    )
    return parser
