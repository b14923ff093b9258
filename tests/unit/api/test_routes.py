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

"""Every route has all that a route has to have."""

import pathlib
import re

from oslotest import base
import yaml

from sentinella import policies
from sentinella.api import auth
from sentinella.api import resource
from sentinella.api import root
from sentinella.api.expose import expose

TOP = pathlib.Path(__file__).parents[3]
API_REF = TOP / 'api-ref' / 'source'
GABBITS = TOP / 'tests' / 'functional' / 'api' / 'gabbits'

METHODS = ('GET', 'POST', 'PATCH', 'PUT', 'DELETE')


def routes(kind):
    """Each Route by `GET /v1/servers`."""
    return {
        f'{route.method} {path}': route
        for path, _, _, route in resource.walk(kind)
    }


def problems(kind):
    """What the routes under a Resource class lack.

    :returns: list of texts
    """
    rules = {rule.name: rule for rule in policies.list_rules()}
    documented = api_ref()
    asked = gabbits()
    found = []
    for name, route in routes(kind).items():
        found += [f'{name}: {text}' for text in _policy(name, route, rules)]
        found += [f'{name}: {text}' for text in _schemas(route)]
        if name not in documented:
            found.append(f'{name}: no rest_method in api-ref/source')
        if not any(_fits(name, request) for request in asked):
            found.append(f'{name}: no gabbit asks for it')
    return found


def _policy(name, route, rules):
    method, path = name.split(' ')
    if route.policy is None:
        if path not in auth.PUBLIC_PATHS:
            yield 'no policy, and not public'
    elif route.policy not in rules:
        yield f'policy {route.policy} is not in sentinella/policies'
    elif {'method': method, 'path': path} not in rules[
        route.policy
    ].operations:
        yield f'policy {route.policy} does not name it'


def _schemas(route):
    if route.method in ('POST', 'PATCH', 'PUT') and route.body is None:
        yield 'no schema of its body'
    for schema in filter(None, (route.query, route.body)):
        if schema.get('additionalProperties') is not False:
            yield 'a schema that takes unknown fields'
        for field, value in schema['properties'].items():
            if not {'description', 'enum'} & set(value):
                yield f'the schema of {field} does not say what it expects'


def api_ref():
    """All `GET /v1/servers` that are documented."""
    text = '\n'.join(path.read_text() for path in API_REF.glob('*.inc'))
    return set(re.findall(r'^\.\. rest_method:: (\S+ \S+)$', text, re.M))


def gabbits():
    """All `GET /v1/servers?limit=1` that the gabbits ask for."""
    return [
        f'{method} {test[method]}'
        for path in GABBITS.glob('*.yaml')
        for test in yaml.safe_load(path.read_text())['tests']
        for method in METHODS
        if method in test
    ]


def _fits(name, request):
    pattern = re.sub('{[^}]*}', '[^/]+', name)
    return re.fullmatch(pattern, request.partition('?')[0])


class TestRoutes(base.BaseTestCase):
    def test_nothing_is_missing(self):
        self.assertEqual([], problems(root.Root))

    def test_nothing_is_left_over(self):
        known = set(routes(root.Root))
        ruled = {
            f'{operation["method"]} {operation["path"]}'
            for rule in policies.list_rules()
            for operation in getattr(rule, 'operations', [])
        }
        self.assertEqual(set(), ruled - known)
        # load balancers' own, which no controller answers
        self.assertEqual({'GET /healthcheck'}, api_ref() - known)

    def test_every_rule_but_the_base_ones_is_asked_for(self):
        asked = {route.policy for route in routes(root.Root).values()}
        extra = {
            rule.name
            for rule in policies.list_rules()
            if rule.name.startswith('sentinella:')
        } - asked
        self.assertEqual(
            {
                'sentinella:alarm-definitions:any-project',
                'sentinella:channels:any-project',
                'sentinella:reports:cloud',
                'sentinella:windows:any-project',
            },
            extra,
        )

    def test_public_paths_are_those_without_policy(self):
        public = {
            path
            for path, _, _, route in resource.walk(root.Root)
            if route.policy is None
        }
        self.assertEqual(
            public, {path.rstrip('/') or '/' for path in auth.PUBLIC_PATHS}
        )


class TestProblems(base.BaseTestCase):
    """That the walk finds what somebody forgot."""

    def test_forgotten_everything(self):
        class Forgotten(resource.Resource):
            @expose('POST {pet_id}/feed', policy=None)
            def feed(self, asked, pet_id):
                """Nobody checks who."""

        class Zoo(resource.Resource):
            children = {'pets': Forgotten}

        name = 'POST /pets/{pet_id}/feed'
        self.assertEqual(
            [
                f'{name}: no policy, and not public',
                f'{name}: no schema of its body',
                f'{name}: no rest_method in api-ref/source',
                f'{name}: no gabbit asks for it',
            ],
            problems(Zoo),
        )

    def test_half_done(self):
        loose = {'type': 'object', 'properties': {'name': {}}}

        class Zoo(resource.Resource):
            @expose('GET', policy='sentinella:pets:list', query=loose)
            def list_(self, asked):
                """Its policy is nowhere."""

            @expose('PATCH', policy='sentinella:servers:list', body=loose)
            def update(self, asked):
                """Its policy is another's."""

        self.assertEqual(
            {
                'GET /: policy sentinella:pets:list is not in '
                'sentinella/policies',
                'GET /: a schema that takes unknown fields',
                'GET /: the schema of name does not say what it expects',
                'PATCH /: policy sentinella:servers:list does not name it',
                'PATCH /: a schema that takes unknown fields',
                'PATCH /: the schema of name does not say what it expects',
                'PATCH /: no rest_method in api-ref/source',
                'PATCH /: no gabbit asks for it',
            },
            set(problems(Zoo)),
        )
