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

"""Who asks."""

from oslo_context import context

STANDALONE_PROJECT = 'standalone'


class RequestContext(context.RequestContext):
    """The user of one request."""

    def can_see_all_projects(self):
        """Whether lists hold every project's things: for admins, and for
        readers of the system."""
        return 'admin' in self.roles or bool(
            self.system_scope and 'reader' in self.roles
        )

    @property
    def visible_project(self):
        """ID of the only project whose things are shown; None for all.

        It is never None by accident: a token without a project sees those
        of the project '', which nobody has.
        """
        if self.can_see_all_projects():
            return None
        return self.project_id or ''


def standalone_admin():
    """Everybody, where there is no Keystone."""
    return RequestContext(
        user_id='standalone',
        project_id=STANDALONE_PROJECT,
        roles=['admin', 'manager', 'member', 'reader'],
    )
