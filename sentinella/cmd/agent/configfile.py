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

"""Writes configuration files, whole or not at all."""

import contextlib
import grp
import os

from sentinella import exceptions

#: Whom the packages run the agent as; its group may read what root writes.
USER = 'sentinella'


def render(sections, comment=''):
    """
    :param sections: {section: {option: text, number or list}}
    :param comment: what stands above it all
    :returns: text of an INI file as oslo.config reads it
    """
    lines = [f'# {line}'.rstrip() for line in comment.splitlines()]
    for section, options in sections.items():
        if options:
            lines += ['', f'[{section}]'] if lines else [f'[{section}]']
            lines += [f'{n} = {_plain(v)}' for n, v in options.items()]
    return '\n'.join(lines) + '\n'


def _plain(value):
    if isinstance(value, list | tuple):
        return ','.join(map(_plain, value))
    text = str(value)
    if any(ord(letter) < 32 for letter in text):
        raise exceptions.InvalidInput(
            'a value of the configuration is one line, without tabs'
        )
    # $name stands for another option's value
    return text.replace('$', '$$')


def write(path, text):
    """Replace a file, or make it: readable by its group, by no others.

    :raises InvalidConfiguration: it can't be written; names it
    """
    new = f'{path}.new'
    try:
        make_directory(os.path.dirname(path))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(new, flags, 0o600), 'w') as file:
            file.write(text)
            _open_to_group(new, 0o640)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        raise exceptions.InvalidConfiguration(f'{path}: {error.strerror}')


def make_directory(path):
    """
    :raises OSError: it is not there, and can't be made
    """
    if path and not os.path.isdir(path):
        make_directory(os.path.dirname(path))
        os.mkdir(path, 0o700)
        _open_to_group(path, 0o750)


def _open_to_group(path, mode):
    """Let the agent's group in, where root makes what the agent reads."""
    group = -1
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            group = grp.getgrnam(USER).gr_gid
    os.chown(path, -1, group)
    os.chmod(path, mode)
