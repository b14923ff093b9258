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

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella.notifier import hiding

#: Of what addresses and secrets are made of.
TEXTS = st.text('ab:/@?#*[]é', max_size=20)

SLACK = 'https://hooks.slack.example.org/services/T0000/B0000/x1Y2z3W4v5U6'


class TestShown(base.BaseTestCase):
    def test_secrets_are_not_shown(self):
        self.assertEqual(
            {'secret': '***', 'headers': '***', 'to': ['a@example.org']},
            hiding.shown(
                ('secret', 'headers', 'absent'),
                {
                    'secret': 's3cret',
                    'headers': {'Authorization': 'Bearer s3cret'},
                    'to': ['a@example.org'],
                },
            ),
        )

    def test_of_a_secret_address_it_is_shown_whose_it_is(self):
        shown = hiding.shown(('url',), {'url': SLACK})
        self.assertEqual('https://hooks.slack.example.org/***', shown['url'])

    def test_nor_what_is_secret_in_other_addresses(self):
        for address, expected in (
            ('http://h:80/a/b', 'http://h:80/a/b'),
            ('http://h/a?token=x&n=1', 'http://h/a?***'),
            ('http://h/a#x', 'http://h/a?***'),
            ('http://me:pw@h:80/a', 'http://***@h:80/a'),
            ('rabbit://me:p@w@h:1//?x', 'rabbit://***@h:1//?***'),
            ('HTTP://me@[::1]:80', 'http://***@[::1]:80'),
            ('see http://h/?x', 'see http://h/?x'),
            ('http://[h/?x', 'http://[h/?x'),
        ):
            shown = hiding.shown(
                (), {'a': address, 'b': {'c': [address]}, 'd': 1}
            )
            self.assertEqual(
                {'a': expected, 'b': {'c': [expected]}, 'd': 1}, shown
            )


class TestKept(base.BaseTestCase):
    old = {
        'url': 'http://h/?token=abcd',
        'secret': 's3cret',
        'templates': {'title': 'x'},
    }

    def kept(self, new):
        return hiding.kept(('secret',), new, self.old)

    def test_what_came_back_as_it_was_shown(self):
        shown = hiding.shown(('secret',), self.old)
        self.assertEqual('http://h/?***', shown['url'])
        self.assertEqual(self.old, self.kept(shown))
        self.assertEqual([], hiding.hidden(self.kept(shown)))

    def test_what_leads_nowhere_may_change(self):
        shown = hiding.shown(('secret',), self.old)
        for templates in ({'title': 'y'}, {}):
            new = {**shown, 'templates': templates}
            self.assertEqual(
                {**self.old, 'templates': templates}, self.kept(new)
            )
        del shown['templates']
        self.assertEqual('s3cret', self.kept(shown)['secret'])

    def test_nothing_follows_to_another_address(self):
        shown = hiding.shown(('secret',), self.old)
        for change in (
            {'url': 'http://thief/?token=abcd'},
            {'verify': False},
            {'proxy': 'http://thief/'},
        ):
            new = {**shown, **change}
            self.assertEqual(new, self.kept(new))
            self.assertIn('secret', hiding.hidden(new))
        del shown['url']
        self.assertEqual(['secret'], hiding.hidden(self.kept(shown)))

    def test_secrets_can_be_told_anew(self):
        new = {**self.old, 'secret': 'other'}
        self.assertEqual(new, self.kept(new))
        self.assertEqual([], hiding.hidden(new))

    @hypothesis.settings(deadline=None)
    @hypothesis.given(
        st.dictionaries(
            st.sampled_from(['url', 'secret', 'to', 'verify']),
            st.one_of(
                st.booleans(),
                TEXTS,
                st.lists(TEXTS, max_size=2),
                st.sampled_from([SLACK, 'http://u:p@h/', 'http://h/?q=1']),
            ),
        ),
        st.lists(st.sampled_from(['url', 'secret', 'to'])),
    )
    def test_what_is_shown_can_be_sent_back(self, settings, secrets):
        shown = hiding.shown(secrets, settings)
        self.assertEqual(settings, hiding.kept(secrets, shown, settings))

    def test_however_deep_it_is(self):
        deep = []
        for _ in range(5000):
            deep = [deep]
        self.assertEqual([], hiding.hidden({'a': deep}))


class TestScrub(base.BaseTestCase):
    def test_what_others_quote(self):
        settings = {
            'url': SLACK,
            'headers': {'Authorization': 'Bearer abcdefgh'},
            'secret': 'a "quoted" one',
            'other': 'http://me:p%40ss@h/?token=tok/en',
            'short': 'ab',
        }
        secrets = ('url', 'headers', 'secret', 'short')
        for said in (
            f'404 for {SLACK}',
            '404 for /services/T0000/B0000/x1Y2z3W4v5U6',
            'no such hook: x1Y2z3W4v5U6',
            '{"Authorization": "Bearer abcdefgh"}',
            'token abcdefgh expired',
            'you said {"secret": "a \\"quoted\\" one"}',
            'a "quoted" one',
            'me:p%40ss is wrong',
            'p@ss is wrong',
            'GET /?token=tok/en',
            'tok/en has expired',
        ):
            told = hiding.scrub(secrets, settings, said)
            self.assertIn('***', told)
            for secret in (
                'x1Y2z3W4v5U6',
                'abcdefgh',
                'quoted',
                'p@ss',
                'p%40ss',
                'tok/en',
            ):
                self.assertNotIn(secret, told)

    def test_all_else_is_left(self):
        said = 'about services of h: ok'
        settings = {'url': 'http://h/services', 'a': 'about', 'b': 'ok'}
        self.assertEqual(said, hiding.scrub(('b',), settings, said))
