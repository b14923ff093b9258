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

"""How notifications can be delivered."""

import sys

from sentinella import exceptions
from sentinella import plugins
from sentinella.api import drivers
from sentinella.api import resource
from sentinella.api.expose import expose
from sentinella.api.schemas import drivers as schemas
from sentinella.policies import drivers as rules


class Drivers(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        only = asked.query.get('name')
        names = plugins.names(drivers.NAMESPACE)
        return {
            'drivers': [_view(name) for name in names if only in (None, name)]
        }


def _view(name):
    try:
        driver = plugins.load_class(drivers.NAMESPACE, name)
    except exceptions.InvalidConfiguration as error:
        # its extra is not installed, most likely
        return {
            'name': name,
            'description': '',
            'schema': None,
            'secrets': [],
            'unavailable': str(error),
        }
    return {
        'name': name,
        'description': _description(driver),
        'schema': _marked(driver),
        'secrets': list(driver.secrets),
        'unavailable': None,
    }


def _description(driver):
    """The first paragraph of its module's documentation, in one line."""
    text = sys.modules[driver.__module__].__doc__ or ''
    return ' '.join(text.partition('\n\n')[0].split())


def _marked(driver):
    """Its schema, with what is never shown as forms know it."""
    known = driver.schema.get('properties', {})
    secret = {
        name: {**known[name], 'writeOnly': True}
        for name in driver.secrets
        if name in known
    }
    return {**driver.schema, 'properties': {**known, **secret}}
