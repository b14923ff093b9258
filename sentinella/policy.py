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

"""Asks oslo.policy whether somebody may do something."""

from oslo_config import cfg
from oslo_policy import policy

from sentinella import conf as options
from sentinella import exceptions
from sentinella import policies


def get_enforcer(conf=None):
    """Make an enforcer of the rules in code and in the operator's file.

    :param conf: a ConfigOpts; the `oslopolicy-*` tools give none, and get
        one that read the usual configuration files
    :returns: oslo.policy's Enforcer
    """
    if conf is None:
        conf = cfg.ConfigOpts()
        options.register_opts(conf)
        conf([], project='sentinella')
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return enforcer


def check(enforcer, context, rule, project_id):
    """
    :param project_id: of the project whose things are asked for; None where
        they belong to none
    :raises Forbidden: the rule does not let this user do this
    """
    # oslo.policy compares texts: a token without a project, and a thing
    # without one, would both be of the project 'None'
    target = {} if project_id is None else {'project_id': project_id}
    try:
        allowed = enforcer.authorize(rule, target, context)
    except policy.InvalidScope:
        allowed = False
    if not allowed:
        raise exceptions.Forbidden(f'policy does not allow {rule}')
