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

"""Our own words for a message: its title, as text, and as HTML.

What they say is in `templates/`; who wants others overrides them, see
:mod:`sentinella.notifier.overrides`.
"""

import datetime
import functools
import importlib.resources

import jinja2

from sentinella.notifier import legible

#: Characters of a title: what the lock screen of a phone shows.
TITLE_LENGTH = 120

#: The colour of what is over, and of each severity.
OVER = '#2e7d32'
COLOURS = {
    'critical': '#b71c1c',
    'major': '#e65100',
    'warning': '#f9a825',
    'info': '#1565c0',
}

#: Kinds that are no bad news.
GOOD = ('recovery', 'test')


def add(message):
    """Put `title`, `text` and `html` into a message.

    :param message: mapping of legible texts, see
        :mod:`sentinella.notifier.message`; changed
    """
    message['title'] = legible.line(message['summary'], TITLE_LENGTH)
    for form in ('text', 'html'):
        message[form] = _template(form).render(variables(message))


def variables(message):
    """What a template knows: all of the message but what is a driver's."""
    known = {**message, 'facts': facts(message), 'colour': colour(message)}
    del known['reference']
    return known


def are_ours(message):
    """Whether its text is the one that :func:`add` puts into it."""
    return message['text'] == _template('text').render(variables(message))


def html_of(message, text):
    """A text as HTML, where somebody else wrote that text."""
    return _template('plain').render(variables(message) | {'text': text})


def colour(message):
    if message['kind'] in GOOD:
        return OVER
    return COLOURS[message['severity']]


def facts(message):
    """What is known of an alarm, each with its label, the first things first.

    :returns: list of (label, words)
    """
    found = [
        ('Since', _since(message)),
        ('Where', _where(message)),
        ('Why', message['reason']),
        ('Values', _values(message['values'])),
    ]
    if message['kind'] not in GOOD:
        found += [('Cause', message['cause']), ('Remedy', message['remedy'])]
    return [
        (label, ' '.join(words.split())) for label, words in found if words
    ]


def moment(text):
    """A time of a message as people write it, to the second."""
    return f'{text[:10]} {text[11:19]} UTC'


def lasting(seconds):
    """How long something lasted, by its two greatest units."""
    parts = []
    rest = int(seconds)
    for unit, size in (('d', 86400), ('h', 3600), ('min', 60), ('s', 1)):
        number, rest = divmod(rest, size)
        if number or parts:
            parts.append((number, unit))
    told = [f'{number} {unit}' for number, unit in parts[:2] if number]
    return ' '.join(told) or '0 s'


def _since(message):
    if not message['since']:
        return ''
    text = moment(message['since'])
    if message['kind'] != 'recovery':
        return text
    seconds = _seconds(message['at']) - _seconds(message['since'])
    return f'{text} until {moment(message["at"])}, for {lasting(seconds)}'


def _seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def _where(message):
    server = message['server']
    if server is None:
        return ''
    told = [server['hostname']]
    if server['cloud_group']:
        told.append(f'cloud group {server["cloud_group"]}')
    if server['location']:
        told.append(server['location'])
    return ', '.join(told)


def _values(values):
    return '; '.join(
        f'{term} = {"unknown" if number is None else format(number, ".6g")}'
        for term, number in values.items()
    )


@functools.cache
def _template(form):
    folder = importlib.resources.files('sentinella.notifier') / 'templates'
    # a text is no markup: what is escaped in it would be read as it stands
    environment = jinja2.Environment(
        autoescape=form != 'text',  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters['time'] = moment
    source = (folder / f'{form}.j2').read_text(encoding='utf-8')
    return environment.from_string(source)
