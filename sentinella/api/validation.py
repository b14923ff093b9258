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

"""Checks what came in, and says what was expected instead."""

import json
import urllib.parse

import jsonschema
from jsonschema import exceptions as schema_errors

from sentinella import exceptions
from sentinella.api import errors
from sentinella.api import times

#: Characters of a wrong value that an error repeats.
_SHOWN = 60


def read_query(text):
    """
    :param text: the query as it was sent
    :returns: tuple of (name, text), as often as they came
    :raises InvalidInput: it is not UTF-8, or holds more than 100 fields
    """
    try:
        pairs = urllib.parse.parse_qsl(
            text, keep_blank_values=True, errors='strict', max_num_fields=100
        )
    except ValueError:
        raise exceptions.InvalidInput(
            'query: expected at most 100 fields in UTF-8'
        )
    return tuple(pairs)


def check_query(schema, pairs):
    """
    :param schema: JSON schema of an object; a property of type `integer`,
        or with the format `date-time`, is read as such
    :param pairs: what :func:`read_query` returned
    :returns: dict; times are seconds
    :raises InvalidInput: names the parameter and what was expected
    """
    query = {}
    for name, text in pairs:
        if name in query:
            raise exceptions.InvalidInput(f'{name[:_SHOWN]}: given twice')
        query[name] = _convert(schema['properties'].get(name, {}), text)
    _check_text(query)
    _check(schema, query, 'query')
    return {
        name: times.read(value, name)
        if schema['properties'][name].get('format') == 'date-time'
        else value
        for name, value in query.items()
    }


def _convert(schema, text):
    if schema.get('type') == 'integer' and text.isascii() and text.isdigit():
        return int(text[:20])
    return text


def read_body(request, schema):
    """
    :param request: webob's
    :param schema: JSON schema of an object
    :returns: what the body holds, {} where there is none
    :raises InvalidInput: names the field and what was expected
    """
    body = _load(request) if request.body else {}
    _check_text(body)
    _check(schema, body, 'body')
    return body


def _load(request):
    if request.content_type != 'application/json':
        raise errors.HttpError(
            415,
            'unsupported_media_type',
            'Content-Type: expected application/json',
        )
    try:
        return json.loads(request.body, parse_constant=_refuse)
    except ValueError as error:
        raise exceptions.InvalidInput(f'body: expected JSON: {error}')
    except RecursionError:
        raise exceptions.InvalidInput('body: expected JSON, not so deep')


def _refuse(constant):
    raise ValueError(f'{constant} is not in JSON')


def _check_text(value, where=''):
    """No database takes NUL, no encoding half a surrogate pair."""
    if isinstance(value, dict):
        for name, item in value.items():
            _check_text(name, where)
            _check_text(item, f'{where}.{name}'.lstrip('.'))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check_text(item, f'{where}.{position}')
    elif isinstance(value, str) and not _is_clean(value):
        raise exceptions.InvalidInput(
            f'{where or "names"}: expected text without NUL characters and '
            'lone surrogates'
        )


def _is_clean(text):
    return '\0' not in text and not any(
        '\ud800' <= character <= '\udfff' for character in text
    )


def _check(schema, value, root):
    validator = jsonschema.Draft202012Validator(schema)
    error = schema_errors.best_match(validator.iter_errors(value))
    if error is not None:
        raise exceptions.InvalidInput(_explain(error, root))


def _explain(error, root):
    """One line: where, what was expected, and what was there."""
    where = '.'.join(str(step) for step in error.absolute_path)
    prefix = f'{where}.' if where else ''
    known = ', '.join(sorted(error.schema.get('properties', {})))
    if error.validator == 'additionalProperties':
        unknown = sorted(set(error.instance) - set(error.schema['properties']))
        expected = f'expected one of: {known}' if known else 'expected none'
        return f'{prefix}{unknown[0][:_SHOWN]}: not known, {expected}'
    if error.validator == 'required':
        missing = next(
            name
            for name in error.validator_value
            if name not in error.instance
        )
        expected = _expected(error.schema['properties'][missing])
        return f'{prefix}{missing}: missing, expected {expected}'
    if error.validator == 'minProperties':
        return f'{where or root}: expected at least one of: {known}'
    return f'{where or root}: expected {_expected(error.schema)}{_got(error)}'


def _expected(schema):
    if 'enum' in schema:
        return 'one of ' + ', '.join(schema['enum'])
    return schema['description']


def _got(error):
    if error.schema.get('writeOnly'):
        return ''
    return f', got {json.dumps(error.instance)[:_SHOWN]}'
