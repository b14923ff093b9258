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

import email
import email.policy
import re
import smtplib

import hypothesis
from hypothesis import strategies as st
import testtools

from sentinella import exceptions
from sentinella.notifier import mail
from sentinella.notifier import message
from sentinella.notifier import smtp
from tests.unit.notifier import test_message
from tests.unit.notifier import test_words

SENDER = 'sentinella@example.org'
HEADERS = {
    'Date',
    'From',
    'To',
    'Subject',
    'Message-ID',
    'Auto-Submitted',
    'X-Auto-Response-Suppress',
    'X-Sentinella-Notification',
    'X-Sentinella-Kind',
    'X-Sentinella-Severity',
    'X-Mailer',
    'In-Reply-To',
    'References',
    'Importance',
    'MIME-Version',
    'Content-Type',
}
REFERENCES = st.none() | st.fixed_dictionaries(
    {'first': test_words.ANY_TEXT, 'last': test_words.ANY_TEXT}
)


def read(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def plain(made):
    """The text of a mail, as a reader has it."""
    return read(made.as_bytes()).get_body(['plain']).get_content()


class TestAnyText(testtools.TestCase):
    def check(self, made):
        mailed = mail.build(made, SENDER, ['a@example.org', 'b@example.org'])
        content = mailed.as_bytes()
        lines = content.split(b'\r\n')
        self.assertLessEqual(max(map(len, lines)), 998)
        content.decode('ascii')
        # neither a bare CR nor a bare LF: servers differ about what they end
        self.assertIsNone(re.search(rb'\r(?!\n)|(?<!\r)\n', content))
        back = read(content)
        self.assertEqual([], back.defects)
        self.assertLessEqual(set(back.keys()), HEADERS)
        self.assertEqual(
            ['a@example.org', 'b@example.org'],
            [one.addr_spec for one in back['To'].addresses],
        )
        return back

    @test_words.BOUND
    @hypothesis.given(test_words.notifications(), REFERENCES)
    def test_a_mail_of_it_is_well_formed(self, page, reference):
        made = message.build(page, reference=reference)
        back = self.check(made)
        self.assertEqual(made['title'], ' '.join(back['Subject'].split()))
        self.assertEqual(
            made['text'].splitlines(),
            back.get_body(['plain']).get_content().splitlines(),
        )
        self.assertEqual(
            made['html'].splitlines(),
            back.get_body(['html']).get_content().splitlines(),
        )

    @test_words.BOUND
    @hypothesis.given(
        st.fixed_dictionaries(
            {
                name: test_words.ANY_TEXT
                for name in ('id', 'kind', 'title', 'text', 'html')
            }
        )
    )
    def test_even_of_what_no_message_has(self, texts):
        made = message.test(test_message.CHANNEL, 1.0) | texts
        self.check(made)


class TestWays(testtools.TestCase):
    def test_what_an_address_is(self):
        for address, good in (
            ('a@b', True),
            ("o'neill+x@mail.example.org", True),
            ('a@b\n', False),
            ('a@b\r\nRCPT TO:<c@d>', False),
            ('<a@b>', False),
            ('a@b>', False),
            ('a@-b', False),
            ('a@b..c', False),
            ('a b@c', False),
            ('größe@b', False),
            ('@b', False),
        ):
            found = re.search(mail.ADDRESS['pattern'], address)
            self.assertEqual(good, found is not None, address)

    def test_a_server_does_not_show_its_password(self):
        server = smtp.Server('x', username='u', password='hunter2')
        self.assertNotIn('hunter2', repr(server))

    def test_which_errors_are_tried_again(self):
        for error, kind in (
            (smtplib.SMTPResponseException(451, b'x'), exceptions.Retry),
            (smtplib.SMTPResponseException(552, b'x'), exceptions.Final),
            (smtplib.SMTPAuthenticationError(535, b'x'), exceptions.Retry),
            (smtplib.SMTPConnectError(554, b'x'), exceptions.Retry),
            (smtplib.SMTPHeloError(501, b'x'), exceptions.Retry),
        ):
            self.assertIsInstance(smtp._judged(error), kind)
