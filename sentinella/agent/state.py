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

"""Small files that the agent keeps in its state_path."""

import json
import os
import uuid

from oslo_log import log

from sentinella import exceptions

LOG = log.getLogger(__name__)


class State:
    """
    :param path: directory; made if need be
    :raises InvalidConfiguration: it can't be written to
    """

    def __init__(self, path):
        self.path = path
        self._saved = {}
        try:
            os.makedirs(path, mode=0o750, exist_ok=True)
        except OSError as error:
            raise exceptions.InvalidConfiguration(
                f'state_path {path}: {error.strerror}'
            )
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise exceptions.InvalidConfiguration(
                f'state_path {path}: Permission denied'
            )

    def load(self, name):
        """
        :returns: what :meth:`save` was given; {} where there is nothing that
            can be read
        """
        path = os.path.join(self.path, name)
        try:
            with open(path) as file:
                data = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            LOG.warning('%s is not used: %s', path, error)
            return {}
        return data if isinstance(data, dict) else {}

    def save(self, name, data):
        """Replace a file, whole or not at all, if it is to be another.

        :raises OSError: the disk is full, say
        """
        path = os.path.join(self.path, name)
        text = json.dumps(data)
        if self._saved.get(name) == text:
            return
        with open(f'{path}.new', 'w') as file:
            file.write(text)
        os.replace(f'{path}.new', path)
        self._saved[name] = text

    def server_uuid(self):
        """Who this agent is; made when first asked.

        :raises InvalidConfiguration: it could not be kept
        """
        found = self.load('identity.json').get('server')
        if not found:
            found = str(uuid.uuid4())
            try:
                self.save('identity.json', {'server': found})
            except OSError as error:
                raise exceptions.InvalidConfiguration(
                    f'state_path {self.path}: {error.strerror}'
                )
        return found
