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
from oslotest import base

from sentinella import context
from sentinella import exceptions
from sentinella import policies
from sentinella import policy
from sentinella.policies import alarm_definitions
from sentinella.policies import servers


class TestPolicy(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        conf = cfg.ConfigOpts()
        conf([], project='sentinella', default_config_files=[])
        self.enforcer = policy.get_enforcer(conf)

    def _may(self, rule, project, **who):
        asker = context.RequestContext(overwrite=False, **who)
        try:
            policy.check(self.enforcer, asker, rule, project)
        except exceptions.Forbidden:
            return False
        return True

    def test_entry_point_takes_no_arguments(self):
        enforcer = policy.get_enforcer()
        self.assertEqual(
            {rule.name for rule in policies.list_rules()},
            set(enforcer.registered_rules),
        )

    def test_what_belongs_to_nobody_is_not_everybodys(self):
        """A token without a project has the project None, just as a
        definition for all projects has."""
        update = alarm_definitions.UPDATE
        for who in (
            {'roles': ['manager'], 'project_id': 'a'},
            {'roles': ['manager']},
            {'roles': ['manager'], 'project_id': ''},
            {'roles': ['manager'], 'project_id': 'None'},
            {'roles': ['manager', 'member'], 'domain_id': 'd'},
        ):
            self.assertFalse(self._may(update, None, **who), who)
        self.assertTrue(
            self._may(update, None, roles=['admin'], project_id='a')
        )

    def test_scopes(self):
        self.assertTrue(
            self._may(servers.LIST, None, roles=['reader'], system_scope='all')
        )
        self.assertFalse(
            self._may(
                servers.DELETE, None, roles=['admin'], system_scope='all'
            )
        )
        self.assertFalse(
            self._may(servers.LIST, None, roles=['admin'], domain_id='d')
        )

    def test_a_token_without_project_sees_nothing(self):
        asker = context.RequestContext(roles=['reader'], overwrite=False)
        self.assertEqual('', asker.visible_project)

    def test_every_rule_says_what_it_is_for(self):
        for rule in policies.list_rules():
            self.assertTrue(rule.description, rule.name)
