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

"""Reads the options that name what a collector is to ask."""

import urllib.parse

from oslo_config import cfg

from sentinella import exceptions

#: Targets in one option.
MAXIMUM = 200


def timeout_option(default=3.0):
    """The option of how long one target may take."""
    return cfg.FloatOpt(
        'timeout',
        default=default,
        min=0.1,
        max=5.0,
        help='Seconds to wait for one answer.',
    )


def read(conf, group, option, reader):
    """Read all values of an option.

    :param reader: makes what is needed of one value; raises a ValueError
        that says what was expected
    :returns: list of what it made, without repetitions
    :raises InvalidConfiguration: names the option and the value
    """
    values = conf[group][option]
    if len(values) > MAXIMUM:
        raise exceptions.InvalidConfiguration(
            f'[{group}] {option}: {len(values)} are too many, expected at '
            f'most {MAXIMUM}'
        )
    found = []
    for value in values:
        try:
            found.append(reader(value))
        except ValueError as error:
            raise exceptions.InvalidConfiguration(
                f'[{group}] {option}: expected {error}, got {value!r:.80}'
            )
    return list(dict.fromkeys(found))


def host(text):
    """
    :returns: the text
    :raises ValueError: no name or address could be like that
    """
    if not text or text.startswith('-') or set(text) & set(' \t\n/[]@'):
        raise ValueError('a host')
    return text


def address(text):
    """
    :param text: `host:port`, an IPv6 address in brackets
    :returns: (host, port)
    :raises ValueError: it is not
    """
    name, _, port = text.rpartition(':')
    if name[:1] == '[' and name[-1:] == ']':
        name = name[1:-1]
    elif ':' in name:
        name = ''
    try:
        host(name)
        number = int(port) if port.isascii() and port.isdigit() else 0
        if not 0 < number < 65536:
            raise ValueError
    except ValueError:
        raise ValueError('host:port')
    return name, number


def address_text(name, port):
    """As :func:`address` reads it."""
    return f'[{name}]:{port}' if ':' in name else f'{name}:{port}'


def named_url(text):
    """
    :param text: `name=url`
    :returns: (name, url)
    :raises ValueError: it is not
    """
    name, _, url = text.partition('=')
    name = name.strip()
    if not name or not is_url(url.strip()):
        raise ValueError('name=url with http:// or https://')
    return name, url.strip()


def is_url(text):
    """Whether this is a URL of HTTP that could be asked."""
    try:
        parts = urllib.parse.urlsplit(text)
        return bool(
            parts.scheme in ('http', 'https')
            and parts.hostname
            and parts.port != 0
            and parts.username is None
            and text.isascii()
            and text.isprintable()
            and ' ' not in text
        )
    except ValueError:
        return False
