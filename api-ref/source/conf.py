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

"""How sphinx builds the reference of the API."""

extensions = ['openstackdocstheme', 'os_api_ref']

project = 'Sentinella API Reference'
copyright = 'OpenStack Foundation'
master_doc = 'index'
html_theme = 'openstackdocs'
html_theme_options = {'sidebar_mode': 'toc'}

openstackdocs_repo_name = 'openstack/sentinella'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False

os_api_ref_min_microversion = '1.0'
os_api_ref_max_microversion = '1.0'
