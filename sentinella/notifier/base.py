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
import functools

import jsonschema

from sentinella import exceptions

#: Parts of a schema whose errors quote names of settings, but no values.
NAMES_ONLY = ('additionalProperties', 'required')


class Driver(abc.ABC):
    """Sends notifications somewhere.

    :cvar schema: JSON schema of a channel's settings
    :cvar secrets: names of the settings that are never shown
    :param conf: the configuration
    """

    schema = {'type': 'object', 'additionalProperties': False}
    secrets = ()

    def __init__(self, conf):
        self.conf = conf

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

    @abc.abstractmethod
    def send(self, settings, message):
        """Send one message, within `[notifier] timeout` seconds.

        :param settings: a channel's, checked
        :param message: mapping made by :mod:`sentinella.notifier.message`,
            the same for each driver; its `id` is the same at each attempt
        :raises Retry: it did not go this time
        :raises Final: it will never go
        """


@functools.cache
def _validator(cls):
    """To make one costs a hundred times what using it does."""
    return jsonschema.Draft202012Validator(
        cls.schema, format_checker=jsonschema.FormatChecker()
    )
