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

"""The interface of a notification driver."""

import abc
import dataclasses
import functools
import re

import jsonschema

from sentinella import exceptions
from sentinella import service

#: Parts of a schema whose errors quote names of settings, but no values.
NAMES_ONLY = ('additionalProperties', 'required')


#: Characters of the longest template.
TEMPLATE_LENGTH = 20000

#: Of each channel, whatever its driver: words of its own.
TEMPLATES = {
    'type': 'object',
    'title': 'Templates',
    'description': 'Words in the place of ours, as templates of Jinja.',
    'additionalProperties': False,
    'properties': {
        'title': {
            'type': 'string',
            'title': 'Title',
            'description': 'One line, as a lock screen shows it.',
            'maxLength': 2000,
        },
        'text': {
            'type': 'string',
            'title': 'Text',
            'description': 'All of the message, as plain text.',
            'maxLength': TEMPLATE_LENGTH,
        },
    },
}

#: And of those that let a channel say all that goes over the wire.
TEMPLATES_AND_BODY = {
    **TEMPLATES,
    'properties': {
        **TEMPLATES['properties'],
        'body': {
            'type': 'string',
            'title': 'Body',
            'description': 'All that is sent, in whatever form the other end '
            'wants it.',
            'maxLength': TEMPLATE_LENGTH,
        },
    },
}


def settings(properties=None, required=(), templates=TEMPLATES):
    """Make the schema of a channel's settings.

    :param properties: JSON schemas by name, each with a `title` and a
        `description`, so that whoever makes a channel can be asked for them
    :param required: names of those that there has to be
    :param templates: TEMPLATES, or TEMPLATES_AND_BODY
    """
    return {
        'type': 'object',
        'additionalProperties': False,
        'required': list(required),
        'properties': {**(properties or {}), 'templates': templates},
    }


@dataclasses.dataclass(frozen=True)
class Delivered:
    """That a message went out.

    :ivar answer: what the other side said, short, no secret in it
    :ivar reference: mapping of JSON types, small, that the driver wants to
        have with the next message of the same alarm on the same channel, as
        `message['reference']`; None keeps none
    """

    answer: str = ''
    reference: dict | None = None


class Driver(abc.ABC):
    """Sends notifications somewhere.

    Its class says all that there is to know of it: the docstring what it is
    good for and what it needs.

    :cvar schema: JSON schema of a channel's settings, as :func:`settings`
        makes it
    :cvar secrets: names of the settings that are never shown
    :cvar DIGESTS: whether many messages may become one. Not where the other
        end has a state of its own for each alarm: it would not hear of them.
    :cvar OPTIONS: oslo.config options, of the group `notifier_<name>`
    :param conf: the configuration
    :raises InvalidConfiguration: an option has a value that can't be used
    """

    schema = settings()
    secrets = ()
    DIGESTS = True
    OPTIONS = ()

    def __init__(self, conf):
        self.conf = conf
        if self.OPTIONS:
            conf.register_opts(self.OPTIONS, group=self.group())
            service.read_options(conf, self.group(), self.OPTIONS)

    @classmethod
    def group(cls):
        """The section of its options."""
        return f'notifier_{cls.__module__.rpartition(".")[2]}'

    @property
    def options(self):
        """The values of its own options."""
        return self.conf[self.group()]

    @classmethod
    def check(cls, settings):
        """
        :raises InvalidInput: settings are not what the schema has; says
            which one and what was expected
        """
        error = jsonschema.exceptions.best_match(
            _validator(cls).iter_errors(settings)
        )
        if error is None:
            return
        where = '.'.join(['settings', *map(str, error.absolute_path)])
        if error.validator in NAMES_ONLY:
            raise exceptions.InvalidInput(f'{where}: {error.message}')
        # error.message quotes the value, which may be a secret
        raise exceptions.InvalidInput(
            f'{where}: expected {error.validator} {error.validator_value!r}'
        )

    @staticmethod
    def check_templates(templates):
        """As :meth:`check`, of templates alone, whosever they are: before
        they are tried."""
        _Any.check({'templates': templates})

    @abc.abstractmethod
    def send(self, settings, message):
        """Send one message, within `[notifier] timeout` seconds.

        :param settings: a channel's, checked
        :param message: mapping made by :mod:`sentinella.notifier.message`,
            the same for each driver; its `id` is the same at each attempt,
            its `reference` what the one before of this alarm on this channel
            left, or None
        :returns: Delivered
        :raises Retry: it did not go this time; its `after` says how many
            seconds the other side wants to be left alone for
        :raises Final: it will never go
        """


class _Any(Driver):
    """Has all templates that there are."""

    schema = settings(templates=TEMPLATES_AND_BODY)


def check_owner(conf, name, project_id):
    """
    :param name: of a driver
    :param project_id: whose channel is to use it
    :raises Forbidden: it is for those of the cloud's own project only
    """
    restricted = name in conf.notifier.restricted_drivers
    if restricted and project_id != conf.service_project_id:
        raise exceptions.Forbidden(
            f"driver {name}: only channels of the cloud's own project may "
            'use it; see [notifier] restricted_drivers'
        )


def _pattern(validator, pattern, instance, schema):
    """As schemas have it: `$` is the end, which in Python may be before a
    line end, and those belong into no header."""
    strict = re.sub(r'\$\Z', r'\\Z', pattern)
    if isinstance(instance, str) and not re.search(strict, instance):
        yield jsonschema.ValidationError(f'does not match {pattern!r}')


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {'pattern': _pattern}
)


@functools.cache
def _validator(cls):
    """To make one costs a hundred times what using it does."""
    return _Validator(cls.schema, format_checker=jsonschema.FormatChecker())
