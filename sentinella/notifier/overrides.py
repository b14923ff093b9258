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

"""Puts others' words in the place of ours.

A channel's settings may have `templates`; what they leave out is looked for
in the folder that `[notifier] templates` names: for that channel, its
driver, or all. A template that can't be used changes nothing but that it is
said.
"""

import hashlib
import pathlib
import threading
import time

from oslo_utils import uuidutils

from sentinella import exceptions
from sentinella.notifier import legible
from sentinella.notifier import rendering
from sentinella.notifier import words

#: The forms of a message, in the order in which they are made, and how many
#: characters each has at most.
FORMS = {'title': 2000, 'text': 30000, 'html': 100000, 'body': 100000}

#: The form that only a channel itself can have.
BODY = 'body'

#: Characters that a template in a file has at most.
SOURCE_LENGTH = 100000

#: Seconds for which a template is not tried again that was stopped, and how
#: many of those are remembered.
PENALTY = 600.0
REMEMBERED = 1000


class Overrides:
    """
    :param conf: the configuration
    :param clock: returns seconds that only go forwards
    """

    def __init__(self, conf, clock=time.monotonic):
        folder = conf.notifier.templates
        self._folder = pathlib.Path(folder) if folder else None
        self._clock = clock
        self._renderer = rendering.Renderer()
        self._stopped = {}
        self._lock = threading.Lock()

    def stop(self):
        self._renderer.stop()

    def apply(self, message, channel, settings):
        """Put the words of others into a message, where there are any.

        :param message: whole; changed
        :param channel: a Channel
        :param settings: the channel's
        :returns: what could not be used and why, '' where all could
        """
        sources, troubles = self._sources(channel, settings)
        stopped = self._without_stopped(sources)
        troubles.update(dict.fromkeys(stopped, rendering.STOPPED))
        if sources:
            texts, failed = self._render(sources, message)
            troubles.update(failed)
            troubles.update(_put(message, texts))
        return '; '.join(
            f'template {form}: {why}; it has our words'
            for form, why in sorted(troubles.items())
        )

    def check(self, templates, message):
        """
        :param templates: what a channel's settings have
        :param message: one to try them on
        :raises InvalidInput: one can't be used; says which, and why
        """
        _, troubles = self._renderer.render(
            _recipes(templates), words.variables(message), strict=True
        )
        for form, why in sorted(troubles.items()):
            raise exceptions.InvalidInput(f'settings.templates.{form}: {why}')

    def _sources(self, channel, settings):
        sources, troubles = dict(settings.get('templates', {})), {}
        for form in FORMS:
            if form in sources or form == BODY or self._folder is None:
                continue
            try:
                source = self._from_folder(channel, form)
            except (OSError, ValueError) as error:
                troubles[form] = _file_words(error)
                continue
            if source is not None:
                sources[form] = source
        if 'text' in settings.get('templates', {}):
            # else a mail would not say what its channel has chosen
            sources.pop('html', None)
        return sources, troubles

    def _from_folder(self, channel, form):
        """
        :returns: the template that fits best; None where there is none
        """
        folders = [self._folder / channel.driver, self._folder]
        if uuidutils.is_uuid_like(channel.uuid):
            folders.insert(0, self._folder / channel.uuid)
        for folder in folders:
            try:
                with open(folder / f'{form}.j2', encoding='utf-8') as file:
                    source = file.read(SOURCE_LENGTH + 1)
            except FileNotFoundError:
                continue
            if len(source) > SOURCE_LENGTH:
                raise ValueError(f'more than {SOURCE_LENGTH} characters')
            return source
        return None

    def _render(self, sources, message):
        texts, troubles = self._renderer.render(
            _recipes(sources), words.variables(message)
        )
        if rendering.STOPPED in troubles.values():
            self._remember(sources)
        return texts, troubles

    def _without_stopped(self, sources):
        """Leave those out that were stopped a while ago.

        :returns: their forms
        """
        now = self._clock()
        with self._lock:
            if self._stopped.get(_digest(sources), now) <= now:
                return []
        forms = list(sources)
        sources.clear()
        return forms

    def _remember(self, sources):
        with self._lock:
            while len(self._stopped) >= REMEMBERED:
                del self._stopped[next(iter(self._stopped))]
            self._stopped[_digest(sources)] = self._clock() + PENALTY


def _recipes(sources):
    return [
        {
            'form': form,
            'source': sources[form],
            'html': form == 'html',
            'longest': longest,
        }
        for form, longest in FORMS.items()
        if form in sources
    ]


def _put(message, texts):
    """
    :returns: why there is none of a form, by form
    """
    troubles = {}
    for form, text in texts.items():
        text = legible.whole(text, FORMS[form]).strip()
        if form == 'title':
            text = legible.line(text, words.TITLE_LENGTH)
        if text:
            message[form] = text
        else:
            troubles[form] = 'nothing came of it'
    if 'text' in texts.keys() - troubles.keys() and 'html' not in texts:
        message['html'] = words.html_of(message, message['text'])
    return troubles


def _digest(sources):
    text = '\0'.join(f'{form}={sources[form]}' for form in sorted(sources))
    return hashlib.sha256(text.encode(errors='replace')).digest()


def _file_words(error):
    if isinstance(error, UnicodeDecodeError):
        return 'its file is not UTF-8'
    return getattr(error, 'strerror', None) or str(error)
