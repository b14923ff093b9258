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

"""The personas that every rule is made of.

A reader may look, a member acts on alarms and modes, a manager owns
definitions and channels, an admin may do all of it everywhere. Keystone's
implied roles make each of them the one before, so no rule names two of them.
"""

from oslo_policy import policy

ADMIN = 'rule:admin'
READER = 'rule:reader'
MEMBER = 'rule:member'
MANAGER = 'rule:manager'
#: Other services' own accounts; no person is one.
SERVICE = 'rule:service'

RULES = [
    policy.RuleDefault('admin', 'role:admin', 'Operators of the cloud.'),
    policy.RuleDefault(
        'service', 'role:service', "Other services' accounts, not people."
    ),
    policy.RuleDefault(
        'reader',
        'rule:admin or (role:reader and system_scope:all) or '
        '(role:reader and project_id:%(project_id)s)',
        'Those who may look at what a project has; readers of the system '
        'at what all have.',
    ),
    policy.RuleDefault(
        'member',
        'rule:admin or (role:member and project_id:%(project_id)s)',
        'Those who act on the alarms of a project.',
    ),
    policy.RuleDefault(
        'manager',
        'rule:admin or (role:manager and project_id:%(project_id)s)',
        'Those who decide what a project is told of, and where.',
    ),
]


def read(name, description, *operations):
    """A rule for those who look.

    :param operations: such as `GET /v1/servers`
    """
    return _rule(name, READER, description, operations, ['project', 'system'])


def write(name, check, description, *operations):
    """A rule for those who change things."""
    return _rule(name, check, description, operations, ['project'])


def _rule(name, check, description, operations, scopes):
    paths = [operation.split(' ') for operation in operations]
    return policy.DocumentedRuleDefault(
        name=name,
        check_str=check,
        description=description,
        operations=[{'method': m, 'path': path} for m, path in paths],
        scope_types=scopes,
    )
