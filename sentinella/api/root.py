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

"""The root, where clients find out which versions there are."""

from sentinella.api import resource
from sentinella.api import v1
from sentinella.api.expose import expose


class Root(resource.Resource):
    children = {'v1': v1.V1}

    @expose('GET', policy=None)
    def show(self, asked):
        """The versions of this API."""
        return {'versions': [v1.describe(asked.root)]}
