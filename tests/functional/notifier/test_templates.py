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

"""What templates may do, and that what they may not do is stopped for real."""

import dataclasses
import json
import os
import pathlib
import resource
import signal
import sys
import time

import fixtures
import jinja2
from oslotest import base

from sentinella import exceptions
from sentinella.notifier import message
from sentinella.notifier import overrides
from sentinella.notifier import rendering
from sentinella.notifier import sample
from sentinella.notifier import words
from tests import processes
from tests.functional.notifier import test_drivers
from tests.unit.notifier import test_message

CHANNEL = test_message.CHANNEL

#: Templates that would take for ever, or all memory, if they were let.
TOO_LONG = {
    'loops in loops': '{% for a in range(99999) %}{% for b in range(99999) %}'
    '{% endfor %}{% endfor %}',
    'an endless iterator': '{% set c = cycler(1) %}{% for a in range(99999) '
    '%}{% for b in range(99999) %}{% if c.next() %}{% endif %}{% endfor %}{% endfor %}',
    'a power': '{{ 10 ** (10 ** 10) }}',
    'a power of what is not constant': '{{ id|length ** (10 ** 10) }}',
    'words without end': '{{ lipsum(n=10**9) }}',
    'sorting': '{% for a in range(99999) %}{{ range(99999)|sort|length }}'
    '{% endfor %}',
}
TOO_MUCH = {
    'a text times a number': '{{ "a" * 10**10 }}',
    'the same, not constant': '{{ id * 10**10 }}',
    'a list times a number': '{% set x = [0] * 10**9 %}',
    'center': '{{ id|center(10**10) }}',
    'ljust': '{{ id.ljust(10**10) }}',
    'a width': '{{ "{:>10000000000}".format(1) }}',
    'a width of old': '{{ "%10000000000d" % 1 }}',
    'the filter format': '{{ "%10000000000d"|format(1) }}',
    'doubling': '{% set ns = namespace(s="a") %}{% for i in range(60) %}'
    '{% set ns.s = ns.s ~ ns.s %}{% endfor %}',
    'batch': '{{ [1]|batch(10**10, 0)|list }}',
    'indent': '{{ id|indent(10**10, true) }}',
    'replace': '{% set x = ("a" * 10**5)|replace("a", "a" * 10**5) %}',
}
TOO_FAR = {
    'a class': "{{ ''.__class__.__mro__ }}",
    'a class by subscript': "{{ ''['__class__'] }}",
    'a class by filter': "{{ ''|attr('__class__') }}",
    'a class by format': "{{ '{0.__class__}'.format(id) }}",
    'a class by format_map': "{{ '{a.__class__}'.format_map({'a': id}) }}",
    'a class by the filter map': "{{ [id]|map(attribute='__class__')|list }}",
    'globals': '{{ cycler.__init__.__globals__ }}',
    'the template itself': '{{ self.__init__ }}',
    'a function': '{{ range.__globals__ }}',
    'changing what it is given': '{{ values.update({1: 2}) }}',
}
REFUSED = {
    'a range': '{% for a in range(10**9) %}{% endfor %}',
    'a recursive macro': '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
    'a recursive loop': '{% for x in [1] recursive %}{{ loop([x]) }}'
    '{% endfor %}',
    'nesting': '{{ ' + '(' * 5000 + ')' * 5000 + ' }}',
    'a file': '{% include "/etc/passwd" %}',
    'a parent': '{% extends "/etc/passwd" %}',
    'an import': '{% import "os" as os %}',
    'too much text': '{% for a in range(99999) %}{{ id }}{% endfor %}',
    'a syntax': '{{ id',
    'a filter': '{{ id|nosuch }}',
    'a sum': '{{ id + 1 }}',
}


def make_conf(**values):
    conf = test_drivers.make_conf()
    for name, value in values.items():
        conf.set_override(name, value, 'notifier')
    return conf


class RendererCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.renderer = rendering.Renderer()
        self.addCleanup(self.renderer.stop)
        self.variables = words.variables(sample.build('', 1.0))

    def render(self, source, html=False):
        """
        :returns: (what came of it, why nothing did)
        """
        template = {
            'form': 'text',
            'source': source,
            'html': html,
            'longest': 30000,
        }
        texts, troubles = self.renderer.render([template], self.variables)
        return texts.get('text'), troubles.get('text')


class TestHostile(RendererCase):
    """None of them takes long, each is told why, and the next one goes."""

    def assert_stopped(self, templates, *reasons):
        for name, source in templates.items():
            started = time.monotonic()
            text, trouble = self.render(source)
            took = time.monotonic() - started
            self.assertIsNone(text, name)
            self.assertLess(took, rendering.LONGEST_WAIT, name)
            self.assertTrue(
                any(reason in trouble for reason in reasons),
                f'{name}: {trouble}',
            )
        self.assertEqual(('good', None), self.render('good'))

    def test_too_long(self):
        self.assert_stopped(TOO_LONG, rendering.STOPPED)

    def test_too_much(self):
        self.assert_stopped(TOO_MUCH, 'more memory', rendering.STOPPED)

    def test_too_far(self):
        self.assert_stopped(TOO_FAR, 'out of reach', 'not safely callable')

    def test_refused(self):
        self.assert_stopped(
            REFUSED,
            'Range too big',
            'recursion',
            'no loader',
            'longer than',
            'line 1: ',
            'can only concatenate',
            'too many nested',
        )

    def test_nothing_can_be_opened(self):
        """Even by who breaks out: the process has no room for a file."""
        self.render('start')
        limits = pathlib.Path(f'/proc/{self.pid()}/limits').read_text()
        self.assertRegex(limits, r'Max open files +0 +0 ')
        self.assertRegex(limits, r'Max file size +0 +0 ')
        environment = pathlib.Path(f'/proc/{self.pid()}/environ').read_bytes()
        self.assertEqual(b'', environment)

    def pid(self):
        (process,) = self.renderer._idle
        return process.pid

    def test_one_that_hangs_is_killed(self):
        """Whatever keeps it: a debugger, a machine that swaps."""
        self.render('start')
        self.useFixture(
            fixtures.MonkeyPatch(
                'sentinella.notifier.rendering.LONGEST_WAIT', 0.2
            )
        )
        os.kill(self.pid(), signal.SIGSTOP)
        self.assertEqual((None, rendering.STOPPED), self.render('x'))
        self.assertEqual([], self.renderer._idle)

    def test_one_that_ended(self):
        self.render('start')
        os.kill(self.pid(), signal.SIGKILL)
        self.assertEqual((None, rendering.STOPPED), self.render('x'))
        self.assertEqual(('x', None), self.render('x'))

    def test_it_ends_with_us(self):
        self.render('start')
        (process,) = self.renderer._idle
        process.stdin.close()
        self.assertEqual(0, process.wait(processes.DEADLINE))
        process.stdout.close()
        self.renderer._idle.clear()


class TestRenderer(RendererCase):
    def test_variables(self):
        self.assertEqual(
            ('ctl-01.example.org: CRITICAL 0.0', None),
            self.render(
                '{{ server.hostname }}: {{ severity|upper }} '
                "{{ values['last(process.up)'] }}"
            ),
        )

    def test_what_is_not_there_is_empty(self):
        self.variables['server'] = None
        self.assertEqual(
            ('<> <> <>', None),
            self.render(
                '<{{ server.hostname.x }}> <{{ nosuch }}> <{{ none }}>'
            ),
        )

    def test_time(self):
        self.assertEqual(
            ('1970-01-01 00:00:01 UTC', None), self.render('{{ at|time }}')
        )

    def test_html_is_escaped_and_what_is_html_is_not(self):
        self.variables |= {'reason': '<b>', 'html': '<p>'}
        self.assertEqual(
            ('&lt;b&gt;<p>', None), self.render('{{ reason }}{{ html }}', True)
        )
        self.assertEqual(('<b>', None), self.render('{{ reason }}'))

    def test_every_filter_works_without_opening_a_file(self):
        for name in jinja2.Environment().filters:
            _, trouble = self.render(f'{{{{ "a b" | {name} }}}}')
            self.assertNotIn('open files', trouble or '', name)

    def test_an_interpreter(self):
        self.assertEqual(sys.executable, rendering.interpreter())
        self.useFixture(
            fixtures.MonkeyPatch('sys.executable', '/usr/bin/uwsgi')
        )
        self.assertTrue(
            os.access(rendering.interpreter(), os.X_OK)
            or not os.path.exists(sys.prefix)
        )


class TestOverrides(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.now = 0.0
        self.overrides = overrides.Overrides(
            make_conf(templates=str(self.folder)), lambda: self.now
        )
        self.addCleanup(self.overrides.stop)
        self.ours = sample.build('', 1.0)

    def apply(self, channel=CHANNEL, **templates):
        made = dict(self.ours)
        settings = {'templates': templates} if templates else {}
        return made, self.overrides.apply(made, channel, settings)

    def write(self, name, source):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)

    def test_nothing_to_do(self):
        self.assertEqual((self.ours, ''), self.apply())

    def test_of_a_channel(self):
        made, note = self.apply(
            title='{{ severity }}!', text='{{ title }} {{ reason }}\n<i>'
        )
        self.assertEqual('', note)
        self.assertEqual('critical!', made['title'])
        self.assertEqual(f'critical! {made["reason"]}\n<i>', made['text'])
        self.assertIn('critical! ', made['html'])
        self.assertIn('\n&lt;i&gt;</div>', made['html'])
        kept = self.ours.keys() - {'title', 'text', 'html'}
        self.assertEqual(
            {name: self.ours[name] for name in kept},
            {name: made[name] for name in kept},
        )

    def test_a_title_alone(self):
        made, note = self.apply(title='  a\n\x07 b ' + 'c' * 200)
        self.assertEqual('', note)
        self.assertTrue(made['title'].startswith('a \ufffd b ccc'))
        self.assertEqual(words.TITLE_LENGTH, len(made['title']))
        self.assertEqual(self.ours['text'], made['text'])

    def test_ours_within_theirs(self):
        made, _ = self.apply(text='{{ text }}\nCall 555.')
        self.assertEqual(f'{self.ours["text"]}\nCall 555.', made['text'])

    def test_a_body(self):
        made, note = self.apply(
            title='"{{ severity }}"',
            body='{"text": {{ title|tojson }}, "values": {{ values|tojson }}, '
            '"cause": {{ cause|tojson }}, "none": {{ digest|tojson }}}',
        )
        self.assertEqual('', note)
        self.assertEqual(
            {
                'text': '"critical"',
                'values': self.ours['values'],
                'cause': self.ours['cause'],
                'none': [],
            },
            json.loads(made['body']),
        )
        self.assertEqual(self.ours['text'], made['text'])
        # of a file, others would have to know what to do with it
        self.write('body.j2', 'x')
        self.assertNotIn('body', self.apply()[0])

    def test_a_hostile_body(self):
        for templates in (TOO_LONG, TOO_MUCH, TOO_FAR, REFUSED):
            name, source = next(iter(templates.items()))
            if templates is REFUSED:
                source = '{% for a in range(99999) %}{{ text }}{% endfor %}'
            made, note = self.apply(body=source)
            self.assertEqual(self.ours, made, name)
            self.assertIn('template body: ', note, name)
            error = self.assertRaises(
                exceptions.InvalidInput,
                self.overrides.check,
                {'body': source},
                self.ours,
            )
            self.assertIn('settings.templates.body: ', str(error))

    def test_broken_ones_fall_back_and_say_so(self):
        made, note = self.apply(title='{{ id', text='fine')
        self.assertEqual(self.ours['title'], made['title'])
        self.assertEqual('fine', made['text'])
        self.assertEqual(
            'template title: line 1: unexpected end of template, expected '
            "'end of print statement'.; it has our words",
            note,
        )
        made, note = self.apply(text='{# nothing #}  ')
        self.assertEqual(self.ours, made)
        self.assertIn('template text: nothing came of it', note)

    def test_what_was_stopped_is_not_tried_soon_again(self):
        bad = TOO_LONG['a power']
        for _ in range(2):
            made, note = self.apply(text=bad)
            self.assertEqual(self.ours, made)
            self.assertIn(f'template text: {rendering.STOPPED}', note)
        before = self.children()
        self.apply(text=bad)
        self.assertEqual(before, self.children())
        self.now = overrides.PENALTY + 1
        self.apply(text=bad)
        self.assertLess(before, self.children())

    def children(self):
        """Seconds of CPU that stopped processes took."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def test_what_was_stopped_keeps_others_from_nothing(self):
        self.apply(text=TOO_LONG['a power'])
        self.assertEqual('fine', self.apply(text='fine')[0]['text'])

    def test_what_is_remembered_is_bounded(self):
        for number in range(overrides.REMEMBERED + 5):
            self.overrides._remember({'text': str(number)})
        self.assertEqual(overrides.REMEMBERED, len(self.overrides._stopped))

    def test_files(self):
        """The nearest wins, form by form; the channel's own before all."""
        channel = dataclasses.replace(
            CHANNEL,
            uuid='0d1b7ab6-55a3-4f7f-a1d4-6a4f8a3b8f3c',
            driver='slack',
        )
        self.write('title.j2', 'all')
        self.write('text.j2', 'all {{ title }}')
        self.write('html.j2', '<p>{{ text }}</p>')
        self.assertEqual(
            ('all', 'all all', '<p>all all</p>'), self.forms(channel)
        )
        self.write('slack/title.j2', 'slack')
        self.assertEqual('slack', self.forms(channel)[0])
        self.assertEqual('all', self.forms(CHANNEL)[0])
        self.write(f'{channel.uuid}/title.j2', 'mine')
        self.assertEqual(
            ('mine', 'all mine', '<p>all mine</p>'), self.forms(channel)
        )
        self.assertEqual('set', self.forms(channel, title='set')[0])
        # HTML of a file would not say what the channel's text does
        self.assertIn('>x</div>', self.forms(channel, text='x')[2])

    def forms(self, channel, **templates):
        made, note = self.apply(channel, **templates)
        self.assertEqual('', note)
        return made['title'], made['text'], made['html']

    def test_files_that_can_not_be_read(self):
        (self.folder / 'title.j2').mkdir()
        (self.folder / 'text.j2').write_bytes(b'\xff\xfe')
        self.write('html.j2', 'x' * (overrides.SOURCE_LENGTH + 1))
        made, note = self.apply()
        self.assertEqual(self.ours, made)
        self.assertIn('template title: Is a directory', note)
        self.assertIn('template text: its file is not UTF-8', note)
        self.assertIn('template html: more than 100000 characters', note)
        self.assertNotIn(str(self.folder), note)

    def test_check(self):
        self.overrides.check(
            {'title': '{{ alarm.name }}', 'text': '{{ range(3)|list }}'},
            self.ours,
        )
        for source, why in (
            ('{{ id', 'line 1: unexpected end'),
            ('{{ nosuch }}', "there is no variable 'nosuch'"),
            (TOO_LONG['a power'], rendering.STOPPED),
            (TOO_FAR['a class'], "'__class__' of str is out of reach"),
        ):
            error = self.assertRaises(
                exceptions.InvalidInput,
                self.overrides.check,
                {'text': source},
                self.ours,
            )
            self.assertIn(f'settings.templates.text: {why}', str(error))

    def test_a_digest_and_a_test_have_the_same_variables(self):
        names = set(words.variables(self.ours))
        page = test_message.notification('ALARM')
        for made in (
            message.test(CHANNEL, 1.0),
            message.digest('d', CHANNEL, [page], 1.0),
        ):
            self.assertEqual(names, set(words.variables(made)))
