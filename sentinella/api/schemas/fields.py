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

"""JSON schemas of single values.

Each `description` ends the sentence "expected ..." of the error that a wrong
value gives. Patterns end in `\\Z`, for `$` lets a line end pass.
"""

from sentinella import model

#: Things of a kind that something may name.
MOST = 256

UUID = {
    'type': 'string',
    'pattern': r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z',
    'maxLength': 36,
    'description': 'a UUID in lower case',
}
TIME = {
    'type': 'string',
    'format': 'date-time',
    'maxLength': 40,
    'description': 'a time such as 2026-01-31T12:00:00Z',
}
BOOLEAN = {'type': 'boolean', 'description': 'true or false'}
PROJECT = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 255,
    'description': "a project's ID",
}
PROJECT_OR_NULL = {
    **PROJECT,
    'type': ['string', 'null'],
    'description': "a project's ID, or null for all projects",
}
NAME = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 255,
    'pattern': r'^(?!\s)[^\x00-\x1f\x7f-\x9f\u2028\u2029]+(?<!\s)\Z',
    'description': 'a name of 1 to 255 characters in one line, without '
    'blanks at its ends',
}
#: Names of things that others named, to look for.
WORD = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 255,
    'description': '1 to 255 characters',
}
TEXT = {
    'type': 'string',
    'maxLength': 8192,
    'description': 'at most 8192 characters',
}
TIMEZONE = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 64,
    'description': 'a time zone such as Europe/Rome',
}
LIMIT = {
    'type': 'integer',
    'minimum': 1,
    'maximum': 2**31,
    'description': 'a whole number of 1 or more',
}
#: UUIDs mostly, and what the lists without UUIDs go by.
MARKER = {
    'type': 'string',
    'minLength': 1,
    'maxLength': 300,
    'description': 'the last item of the page before',
}


def one_of(enum):
    """One of a StrEnum of the model."""
    return {'enum': [str(member) for member in enum]}


def integer(low, high):
    return {
        'type': 'integer',
        'minimum': low,
        'maximum': high,
        'description': f'a whole number from {low} to {high}',
    }


def several(items, what):
    """A list of things of one kind that something covers.

    :param what: they are, in words
    """
    return {
        'type': 'array',
        'maxItems': MOST,
        'uniqueItems': True,
        'items': items,
        'description': f'a list of at most {MOST} different {what}',
    }


def listing(**filters):
    """Schema of the query of a list, which turns pages."""
    return query(**filters, limit=LIMIT, marker=MARKER)


def query(required=(), **fields):
    return {
        'type': 'object',
        'properties': fields,
        'required': list(required),
        'additionalProperties': False,
    }


def creation(required, **fields):
    """Schema of a body that makes something."""
    return {
        'type': 'object',
        'properties': fields,
        'required': list(required),
        'additionalProperties': False,
        'description': 'a JSON object',
    }


def change(**fields):
    """Schema of a body that names what is to be changed, and only that."""
    return {**creation((), **fields), 'minProperties': 1}


MODE = one_of(model.Mode)
SEVERITY = one_of(model.Severity)
