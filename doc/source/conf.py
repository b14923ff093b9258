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

"""How sphinx builds the documentation."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / '_ext'))

extensions = [
    'collector_pages',
    'definition_pages',
    'driver_pages',
    'openstackdocstheme',
    'cliff.sphinxext',
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'oslo_policy.sphinxpolicygen',
]

project = 'Sentinella'
copyright = 'OpenStack Foundation'
master_doc = 'index'
html_theme = 'openstackdocs'
html_static_path = ['_static']

openstackdocs_repo_name = 'openstack/sentinella'
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
openstackdocs_pdf_link = False

autoprogram_cliff_application = 'openstack'

_GENERATORS = '../../etc/sentinella/sentinella-'
config_generator_config_file = [
    (_GENERATORS + 'config-generator.conf', '_static/sentinella')
]
policy_generator_config_file = [
    (_GENERATORS + 'policy-generator.conf', '_static/sentinella')
]

latex_documents = [
    ('index', 'doc-sentinella.tex', 'Sentinella', 'OpenStack', 'manual')
]
