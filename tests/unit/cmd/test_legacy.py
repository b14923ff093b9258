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

import json
import os

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import exceptions
from sentinella.cmd.agent import legacy
from sentinella.knowledge import services

CATALOG = services.load()

_KEYS = st.one_of(
    st.sampled_from(
        [
            'server', 'plugins', 'services', 'logs', 'interval', 'hostname',
            'name', 'cloud_group', 'enabled', 'nova', 'rabbitmq', 'url',
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


def translated(data):
    return legacy.translate(data, CATALOG)


def leaves(data, path=()):
    """Dotted names of all values that are no objects with something in."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield '.'.join((*path, key))


class TestTranslate(base.BaseTestCase):
    def test_what_has_a_meaning(self):
        for data, expected in (
            ({'hostname': 'ctl-1'}, ('DEFAULT', 'host', 'ctl-1')),
            ({'server': {'name': 'ctl-1'}}, ('DEFAULT', 'host', 'ctl-1')),
            ({'server-name': 'ctl-1'}, ('DEFAULT', 'host', 'ctl-1')),
            ({'agent': {'Interval': 30}}, ('agent', 'interval', 30.0)),
            ({'period': '15 s'}, ('agent', 'interval', 15.0)),
            ({'cloudGroup': 'blue'}, ('agent', 'cloud_group', 'blue')),
            ({'region': 'R1'}, ('agent', 'cloud_group', 'R1')),
            ({'datacenter': 'x 3'}, ('agent', 'location', 'x 3')),
            (
                {'bus': {'transport_url': 'rabbit://a:b@c:1/'}},
                ('DEFAULT', 'transport_url', 'rabbit://a:b@c:1/'),
            ),
        ):
            found = translated(data)
            section, option, value = expected
            self.assertEqual({(section, option): value}, found.options)
            self.assertEqual(list(leaves(data)), found.used)
            self.assertEqual({}, found.unused)

    def test_what_has_none_is_named_with_the_reason(self):
        for data, reason in (
            ({'server': 'http://10.0.0.1:8080'}, 'means nothing'),
            ({'server': {'host': '10.0.0.1'}}, 'means nothing'),
            ({'interval': 'soon'}, 'from 1 to 3600'),
            ({'interval': 0.1}, 'from 1 to 3600'),
            ({'interval': True}, 'from 1 to 3600'),
            ({'hostname': 'a b'}, 'a host name'),
            ({'location': ['x']}, 'a line of text'),
            ({'location': 'a\nb'}, 'a line of text'),
            ({'transport_url': 'qpid://x'}, 'rabbit://'),
            ({'plugins': {'x': {}}}, 'unknown'),
            ({'logs': ['/var/log/nova/nova-api.log']}, 'services_file'),
            ({'password': 'hushhush'}, 'means nothing'),
        ):
            found = translated(data)
            self.assertEqual({}, found.options, data)
            self.assertEqual([], found.used, data)
            (said,) = found.unused.values()
            self.assertIn(reason, said)

    def test_two_that_differ(self):
        found = translated({'interval': 5, 'period': 5, 'a': {'interval': 9}})
        self.assertEqual({('agent', 'interval'): 5.0}, found.options)
        self.assertEqual(['interval', 'period'], found.used)
        self.assertEqual(['a.interval'], list(found.unused))

    def test_plugins(self):
        found = translated(
            {
                'plugins': {
                    'rabbit': {'enabled': True, 'password': 'hushhush'},
                    'mysql': {},
                    'ntp': {'enabled': False},
                    'cpu': False,
                    'nova-api': {'enabled': 0},
                    'keystone': True,
                }
            }
        )
        self.assertEqual(['rabbitmq', 'mysql'], found.enabled)
        self.assertEqual(['clock', 'host'], found.disabled)
        self.assertEqual(['nova-api'], found.excluded)
        self.assertEqual(['plugins.rabbit.password'], list(found.unused))

    def test_a_list_of_plugins_and_services(self):
        found = translated(
            {'plugins': ['logs', 'ping'], 'services': ['nova', 'nope']}
        )
        self.assertEqual(['logs', 'ping'], found.enabled)
        self.assertEqual(['services.nope'], list(found.unused))

    @hypothesis.given(st.dictionaries(_KEYS, _VALUES, max_size=6))
    def test_whatever_comes_is_used_or_named(self, data):
        found = translated(data)
        said = [*found.used, *found.unused]
        for name in leaves(data):
            name = ''.join(c if c.isprintable() else '?' for c in name)[:200]
            # a list is named by its parts, a plugin with its settings
            self.assertTrue(
                any(
                    name == s
                    or s.startswith(f'{name}.')
                    or name.startswith(f'{s}.')
                    for s in said
                )
                or name.endswith(('enabled', '.'))
                or '[]' in json.dumps(data)
                or '{}' in json.dumps(data),
                (name, said),
            )


class TestRead(base.BaseTestCase):
    def test_what_is_no_json_object(self):
        directory = self.useFixture(fixtures.TempDir()).path
        for data, expected in (
            (b'[DEFAULT]\n', 'line 1 column 2: Expecting'),
            (b'[1]', 'expected a JSON object'),
            (b'{"a": }', 'line 1 column 7'),
            (b'\xff\xfe\xfd', ''),
            (b'[' * 100000, ''),
            (b'"' + b' ' * (1 << 20), 'at most 1 MiB'),
        ):
            path = os.path.join(directory, 'old.json')
            with open(path, 'wb') as file:
                file.write(data)
            error = self.assertRaises(
                exceptions.InvalidInput, legacy.read, path, CATALOG
            )
            self.assertIn(path, str(error))
            self.assertIn(expected, str(error))
            self.assertEqual(1, len(str(error).splitlines()))

    def test_what_is_not_there(self):
        error = self.assertRaises(
            exceptions.InvalidInput, legacy.read, '/no/such', CATALOG
        )
        self.assertEqual('/no/such: No such file or directory', str(error))
