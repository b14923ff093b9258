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

import dataclasses
import json
import pathlib
import re
from xml.etree import ElementTree

import hypothesis
from hypothesis import strategies as st
from oslotest import base
import testtools

from sentinella import model
from sentinella.notifier import legible
from sentinella.notifier import message
from sentinella.notifier import sample
from sentinella.notifier import words
from tests.unit.notifier import test_message

ROOT = pathlib.Path(__file__).parents[3]

# halves of pairs and all other characters that JSON can bring
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
ANY_NUMBER = st.floats() | st.none()
BOUND = hypothesis.settings(max_examples=200, deadline=None)


@st.composite
def notifications(draw):
    """Of any kind, with any text in any field."""
    names = {name: draw(ANY_TEXT) for name in ('description', 'cause')}
    definition = dataclasses.replace(
        test_message.DEFINITION, name=draw(ANY_TEXT), **names
    )
    server = dataclasses.replace(
        test_message.SERVER,
        hostname=draw(ANY_TEXT),
        location=draw(ANY_TEXT),
        cloud_group=draw(ANY_TEXT),
    )
    alarm = dataclasses.replace(
        test_message.ALARM,
        definition=definition,
        server=draw(st.sampled_from([server, None])),
        group=draw(st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=4)),
        project_id=draw(ANY_TEXT),
        severity=draw(st.sampled_from(model.Severity)),
    )
    page = test_message.notification(model.AlarmState.ALARM, alarm)
    transition = dataclasses.replace(
        page.transition,
        reason=draw(ANY_TEXT),
        value=draw(ANY_NUMBER),
        values=draw(st.dictionaries(ANY_TEXT, st.floats(), max_size=4)),
    )
    return dataclasses.replace(
        page,
        transition=transition,
        kind=draw(st.sampled_from(model.NotificationKind)),
    )


LOG_EVENTS = st.lists(
    st.builds(
        model.LogEvent,
        at=st.floats(0, 1e10),
        service=ANY_TEXT,
        level=ANY_TEXT,
        message=ANY_TEXT,
        module=ANY_TEXT,
        count=st.integers(1, 10**9),
    ),
    max_size=7,
)


def texts_of(html):
    """The texts that a reader of the HTML sees.

    :raises ParseError: it is not well-formed
    """
    _, _, markup = html.partition('<!DOCTYPE html>')
    root = ElementTree.fromstring(markup)  # noqa: S314
    return [element.text or '' for element in root.iter()]


class TestAnyText(testtools.TestCase):
    def check(self, made):
        text = json.dumps(made, ensure_ascii=False, allow_nan=False)
        self.assertEqual(made, json.loads(text.encode()))
        for form in ('title', 'text', 'html'):
            made[form].encode()
        self.assertLessEqual(len(made['title']), words.TITLE_LENGTH)
        self.assertEqual(1, len(made['title'].splitlines()))
        seen = texts_of(made['html'])
        self.assertIn(made['title'], [' '.join(one.split()) for one in seen])
        for _, fact in words.facts(made):
            self.assertIn(fact, made['text'])
            self.assertIn(fact, seen)

    @BOUND
    @hypothesis.given(notifications(), LOG_EVENTS)
    def test_a_message_of_it_is_well_formed(self, page, events):
        self.check(
            message.build(page, log_events=events, link='https://x/{project}')
        )

    @BOUND
    @hypothesis.given(st.lists(notifications(), min_size=1, max_size=3))
    def test_so_is_a_digest(self, pages):
        self.check(
            message.digest('digest-1', test_message.CHANNEL, pages, 9.0)
        )

    @BOUND
    @hypothesis.given(ANY_TEXT)
    def test_so_is_a_test(self, name):
        channel = dataclasses.replace(test_message.CHANNEL, name=name)
        self.check(message.test(channel, 9.0))

    @BOUND
    @hypothesis.given(ANY_TEXT)
    def test_tidy_text_stays_as_it_is(self, text):
        once = legible.tidy(text)
        self.assertEqual(once, legible.tidy(once))


class TestWords(base.BaseTestCase):
    def test_everything_in_its_place(self):
        made = message.build(
            test_message.notification(model.AlarmState.ALARM), since=0.0
        )
        self.assertEqual(
            '[CRITICAL] nova-scheduler is down on ctl-01\n'
            '\n'
            'Since: 1970-01-01 00:00:00 UTC\n'
            'Where: ctl-01\n'
            'Why: last(process.up) is 0, less than 1\n'
            'Values: last(process.up) = 0\n'
            'Cause: nova-scheduler ended, and {nothing} else.\n'
            'Remedy: Start nova-scheduler on ctl-01.\n'
            '\n'
            'Alarm alarm-1, notification notification-1',
            made['text'],
        )

    def test_a_recovery_says_how_long_it_lasted(self):
        page = test_message.notification(model.AlarmState.OK)
        later = dataclasses.replace(page.transition, at=7380.0)
        made = message.build(
            dataclasses.replace(page, transition=later), since=60.0
        )
        self.assertIn(
            'Since: 1970-01-01 00:01:00 UTC until 1970-01-01 02:03:00 UTC, '
            'for 2 h 2 min',
            made['text'],
        )
        self.assertNotIn('Remedy', made['text'])
        self.assertIn(words.OVER, made['html'])

    def test_durations(self):
        for seconds, told in (
            (0.4, '0 s'),
            (59.9, '59 s'),
            (60, '1 min'),
            (3661, '1 h 1 min'),
            (7205, '2 h'),
            (200000, '2 d 7 h'),
        ):
            self.assertEqual(told, words.lasting(seconds))

    def test_where(self):
        server = dataclasses.replace(
            test_message.SERVER, cloud_group='region-1', location='rack 4'
        )
        alarm = dataclasses.replace(test_message.ALARM, server=server)
        made = message.build(
            test_message.notification(model.AlarmState.ALARM, alarm)
        )
        self.assertIn(
            'Where: ctl-01, cloud group region-1, rack 4', made['text']
        )

    def test_a_long_title_says_that_it_is_cut(self):
        definition = dataclasses.replace(
            test_message.DEFINITION, description='word ' * 100
        )
        alarm = dataclasses.replace(test_message.ALARM, definition=definition)
        made = message.build(
            test_message.notification(model.AlarmState.ALARM, alarm)
        )
        self.assertEqual(words.TITLE_LENGTH, len(made['title']))
        self.assertTrue(made['title'].endswith('…'))
        self.assertIn(made['summary'], made['text'])

    def test_odd_characters(self):
        self.assertEqual(
            {'a\ufffd': ['b\nc', 'd\ufffd', 5, None]},
            legible.tidy({'a\x1b': ('b\r\nc', 'd\ud800', 5, None)}),
        )
        self.assertEqual(
            'x' * (legible.LONGEST - 1) + '…',
            legible.tidy('x' * (legible.LONGEST + 1)),
        )


class TestDocumented(base.BaseTestCase):
    def test_every_variable_of_templates(self):
        page = ROOT / 'doc' / 'source' / 'admin' / 'messages.rst'
        listed = re.findall(r'^``(\w+)`` ', page.read_text(), re.MULTILINE)
        known = words.variables(sample.build('', 1.0))
        self.assertEqual(set(), known.keys() - set(listed))
        for part in ('server', 'alarm'):
            for name in known[part]:
                self.assertIn(f'``{part}.{name}``', page.read_text())
