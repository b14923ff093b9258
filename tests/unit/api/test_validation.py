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

import webob
from oslotest import base

from sentinella import exceptions
from sentinella.api import errors
from sentinella.api import validation
from sentinella.api.schemas import fields

QUERY = fields.listing(since=fields.TIME, server=fields.UUID, mode=fields.MODE)
BODY = fields.creation(
    ('name',),
    name=fields.NAME,
    tags={
        'type': 'array',
        'items': fields.NAME,
        'description': 'a list of tags',
    },
    password={'type': 'string', 'writeOnly': True, 'description': 'a text'},
)


class TestQuery(base.BaseTestCase):
    def _check(self, text):
        return validation.check_query(QUERY, validation.read_query(text))

    def _fails(self, text):
        error = self.assertRaises(exceptions.InvalidInput, self._check, text)
        return str(error)

    def test_nothing(self):
        self.assertEqual({}, self._check(''))

    def test_converted(self):
        self.assertEqual(
            {'limit': 10, 'since': 1767225600.5, 'mode': 'active'},
            self._check('limit=10&since=2026-01-01T00:00:00.5Z&mode=active'),
        )

    def test_zones_are_read(self):
        self.assertEqual(
            1767225600.0,
            self._check('since=2026-01-01T02:00:00%2B02:00')['since'],
        )

    def test_empty_values(self):
        self.assertIn('limit: expected a whole', self._fails('limit='))
        self.assertIn('since: expected a time', self._fails('since='))

    def test_digits_of_other_scripts(self):
        self.assertIn('limit: expected', self._fails('limit=%D9%A3'))
        self.assertIn('limit: expected', self._fails('limit=%C2%B2'))

    def test_years_that_no_clock_shows(self):
        for text in ('0000-01-01', '99999-01-01', '-1', '1e9', 'now'):
            self.assertIn('since: expected', self._fails(f'since={text}'))

    def test_uuid(self):
        upper = '0000000A-0000-4000-8000-000000000000'
        self.assertIn('server: expected', self._fails(f'server={upper}'))
        self.assertIn(
            'server: expected', self._fails(f'server={upper.lower()}%0A')
        )

    def test_too_many(self):
        self.assertIn('at most 100', self._fails('a=1&' * 101))

    def test_a_wrong_value_is_repeated_in_part(self):
        self.assertTrue(len(self._fails('mode=' + 'x' * 5000)) < 200)
        self.assertTrue(len(self._fails('x' * 5000 + '=1')) < 200)


class TestBody(base.BaseTestCase):
    def _read(self, body, content_type='application/json'):
        request = webob.Request.blank('/', method='POST', body=body)
        request.content_type = content_type
        return validation.read_body(request, BODY)

    def _fails(self, body):
        error = self.assertRaises(exceptions.InvalidInput, self._read, body)
        return str(error)

    def test_read(self):
        self.assertEqual({'name': 'ä'}, self._read(b'{"name": "\xc3\xa4"}'))

    def test_charset_in_the_type(self):
        self.assertEqual(
            {'name': 'a'},
            self._read(b'{"name": "a"}', 'application/json; charset=UTF-8'),
        )

    def test_other_types(self):
        for kind in ('text/plain', 'application/json-patch+json', ''):
            error = self.assertRaises(
                errors.HttpError, self._read, b'{"name": "a"}', kind
            )
            self.assertEqual(415, error.status)

    def test_not_utf8(self):
        self.assertIn('body: expected JSON', self._fails(b'{"name": "\xff"}'))

    def test_numbers_without_end(self):
        self.assertIn('body: expected JSON', self._fails(b'9' * 5000))

    def test_where(self):
        self.assertEqual(
            'tags.1: expected a name of 1 to 255 characters in one line, '
            'without blanks at its ends, got 5',
            self._fails(b'{"name": "a", "tags": ["b", 5]}'),
        )

    def test_lines_in_names(self):
        for name in (r'a\nb', r'a\n', r'a\u2028b', ' a', 'a ', ''):
            self.assertIn(
                'name: expected',
                self._fails(b'{"name": "%s"}' % name.encode()),
            )

    def test_a_secret_is_not_repeated(self):
        self.assertEqual(
            'password: expected a text',
            self._fails(b'{"name": "a", "password": {"is": "s3cret"}}'),
        )

    def test_text_that_no_database_takes(self):
        for text in (
            rb'{"name": "a", "tags": ["\u0000"]}',
            rb'{"name": "a", "tags": ["\udc00"]}',
        ):
            self.assertIn('tags.0: expected text', self._fails(text))
        self.assertIn('names: expected text', self._fails(rb'{"\u0000": 1}'))

    def test_whole_pairs_are_text(self):
        self.assertEqual(
            {'name': '\U0001f525'}, self._read(rb'{"name": "\ud83d\udd25"}')
        )
