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

"""Screens for people; machines get all of an answer as it is."""

import abc
import os
import shutil
import textwrap

from cliff import columns
from osc_lib.command import command

from sentinella.osc import base

#: How a terminal shows what; nothing else is sent to it but text.
STYLES = {
    'critical': '1;31',
    'major': '31',
    'warning': '33',
    'info': '36',
    'DOWN': '31',
    'UNDETERMINED': '33',
    'bold': '1',
}


class Screen(base.Command, command.ShowOne):
    """Shows one answer: as tables and lines, or whole in another format."""

    @abc.abstractmethod
    def request(self, args):
        """
        :returns: the answer
        """

    @abc.abstractmethod
    def draw(self, paper, answer):
        """Put what people see of it on a Paper."""

    def take_action(self, args):
        answer = self.request(args)
        return tuple(answer), tuple(answer.values())

    def produce_output(self, args, names, values):
        if args.formatter != 'table' or args.columns:
            return super().produce_output(args, names, values)
        paper = Paper(self.app.stdout, self.formatter, args)
        self.draw(paper, dict(zip(names, values, strict=True)))
        return 0


class Paper:
    """
    :param stream: where to; styled where it is a terminal
    :param formatter: cliff's, of tables; :param args: its options
    """

    def __init__(self, stream, formatter, args):
        self._stream = stream
        self._formatter = formatter
        self._args = args
        self._is_terminal = stream.isatty()
        self._is_coloured = self._is_terminal and 'NO_COLOR' not in os.environ

    def styled(self, text, style):
        """
        :param style: one of `STYLES`; others change nothing
        """
        if not self._is_coloured or style not in STYLES:
            return text
        return f'\x1b[{STYLES[style]}m{text}\x1b[0m'

    def word(self, text):
        """
        :returns: a cell of a table: a word, styled as it is to be
        """
        return Word((text, self.styled(text, text)))

    def say(self, text, indent='', style=None):
        """Print a paragraph, folded to the terminal's width.

        :param indent: before its first line; the others are moved as far
        :param style: of the indent
        """
        if self._is_terminal:
            text = textwrap.fill(
                text,
                max(40, shutil.get_terminal_size().columns),
                initial_indent=indent,
                subsequent_indent=' ' * len(indent),
            )
        else:
            text = indent + text
        self.raw(self.styled(indent, style) + text[len(indent) :])

    def raw(self, line):
        """Print a line, whatever its length."""
        print(line, file=self._stream)

    def table(self, title, headers, rows):
        """
        :param rows: tuples of what cliff shows; nothing where there is none
        """
        self.raw('')
        if not rows:
            self.raw(f'{self.styled(title, "bold")}: none')
            return
        self.raw(self.styled(title, 'bold'))
        cells = [
            tuple(
                legible(cell) if isinstance(cell, str) else cell
                for cell in row
            )
            for row in rows
        ]
        self._formatter.emit_list(headers, cells, self._stream, self._args)


class Word(columns.FormattableColumn):
    """
    :param value: (the word, and how a terminal shows it)
    """

    def human_readable(self):
        return self._value[1]

    def machine_readable(self):
        return self._value[0]


def legible(text):
    """One line without what a terminal obeys: logs hold what others sent."""
    return ' '.join(
        ''.join(c if c.isprintable() else ' ' for c in text).split()
    )


def listed(counts):
    """
    :param counts: list of (how many, what)
    :returns: such as `2 up, 1 silent`; only what there is
    """
    found = [f'{count} {what}' for count, what in counts if count]
    return ', '.join(found) or 'none'
