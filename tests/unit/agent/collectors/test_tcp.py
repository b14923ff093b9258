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

from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella import exceptions
from sentinella.agent.asking import targets
from sentinella.agent.collectors import tcp
from tests import collectors


class TestAddress(base.BaseTestCase):
    def test_read(self):
        for text, expected in (
            ('ctl-01:3306', ('ctl-01', 3306)),
            ('192.0.2.1:1', ('192.0.2.1', 1)),
            ('[2001:db8::1]:65535', ('2001:db8::1', 65535)),
        ):
            self.assertEqual(expected, targets.address(text))
            self.assertEqual(text, targets.address_text(*expected))

    @given(
        strategies.one_of(
            strategies.text(), strategies.text('[]:.-/@ 0123456789ab')
        )
    )
    def test_any_text_reads_or_says_what_was_expected(self, text):
        try:
            name, port = targets.address(text)
        except ValueError as error:
            self.assertEqual('host:port', str(error))
        else:
            again = targets.address_text(name, port)
            self.assertEqual((name, port), targets.address(again))

    def test_others(self):
        for text in (
            '', 'ctl-01', 'ctl-01:', ':80', 'a:0', 'a:65536', 'a:http',
            '2001:db8::1:80', '[]:80', 'a b:80', 'a/b:80', '-a:80', 'a:٣',
            'a:-1', 'u@a:80',
        ):  # fmt: skip
            self.assertRaises(ValueError, targets.address, text)


class TestUrl(base.BaseTestCase):
    def test_read(self):
        self.assertEqual(
            ('nova', 'https://vip:8774/a=b'),
            targets.named_url('nova=https://vip:8774/a=b'),
        )

    @given(strategies.text(':/[]@=?#%. a1é\x00'))
    def test_any_text_reads_or_says_what_was_expected(self, text):
        self.assertIn(targets.is_url(f'http://{text}'), (True, False))

    def test_others(self):
        for text in (
            'nova', 'nova=', '=http://a', 'nova=ftp://a', 'nova=http://',
            'nova=http://a:99999', 'nova=http://[::1', 'nova=http://u:p@a',
            'nova=http://a b/', 'nova=http://a\tb/', 'nova=http://é/',
        ):  # fmt: skip
            self.assertRaises(ValueError, targets.named_url, text)


class TestOptions(base.BaseTestCase):
    def test_an_error_names_the_option_and_what_was_expected(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            collectors.make,
            tcp.TcpCollector,
            targets=['a:1', 'b'],
        )
        self.assertEqual(
            "[collector_tcp] targets: expected host:port, got 'b'", str(error)
        )

    def test_not_more_than_can_be_asked(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            collectors.make,
            tcp.TcpCollector,
            targets=[f'a:{n + 1}' for n in range(201)],
        )
        self.assertEqual(
            '[collector_tcp] targets: 201 are too many, expected at most 200',
            str(error),
        )

    def test_without_targets_there_is_nothing_to_do(self):
        self.assertFalse(collectors.make(tcp.TcpCollector).wanted())
        some = collectors.make(tcp.TcpCollector, targets=['a:1', 'a:1'])
        self.assertTrue(some.wanted())
