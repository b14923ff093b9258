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

"""How a path and a method find their function.

Pecan walks from the root; below it every class names the things under it in
`children`, and its own functions say with :func:`expose` what they answer.
Pecan's RestController is not used: it also routes by `?_method=` and by
words such as `new` and `edit` in the path, and makes call arguments of
whatever is in query and body.
"""

import functools
import inspect
import re

import pecan

from sentinella.api import errors

#: Media type of all answers but streams.
JSON = 'application/json'

_UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'


class Route:
    """What one function answers.

    :ivar method: `GET`, ...
    :ivar path: below its resource, such as `{alarm_id}/transitions`; what
        is in braces is a UUID
    :ivar policy: name of the rule that is checked; None for everybody
    :ivar query: JSON schema of the query; :ivar body: of the body, or None
    :ivar media: type of the answer
    """

    def __init__(self, route, policy, query, body, status, media):
        self.method, _, self.path = route.partition(' ')
        self.policy = policy
        self.query = query
        self.body = body
        self.status = status
        self.media = media
        parts = [_pattern(part) for part in self.path.split('/')]
        self._pattern = re.compile('/'.join(parts))

    def match(self, path):
        """
        :returns: the list of UUIDs in it, or None where it is another path
        """
        found = self._pattern.fullmatch(path)
        return None if found is None else list(found.groups())


def _pattern(part):
    return f'({_UUID})' if part.startswith('{') else re.escape(part)


@functools.cache
def routes(kind):
    """
    :param kind: a Resource class
    :returns: list of (attribute, Route) of its own functions
    """
    return [
        (name, function.route)
        for name, function in inspect.getmembers(kind, inspect.isfunction)
        if hasattr(function, 'route')
    ]


class Resource:
    """Everything under one path.

    :cvar children: Resource classes by the path's next part
    """

    children = {}

    def __init__(self, parts):
        self.parts = parts
        self._children = {
            name: kind(parts) for name, kind in self.children.items()
        }

    @pecan.expose()
    def _route(self, args, request):
        """
        :param args: the parts of the path that are left
        :returns: the function to call, and its arguments
        """
        args = list(args)
        if args and args[0] in self._children:
            return self._children[args[0]]._route(args[1:], request)
        if args and args[-1] == '':
            args.pop()
        found = {
            route.method: (getattr(self, name), ids)
            for name, route in routes(type(self))
            if (ids := route.match('/'.join(args))) is not None
        }
        if not found:
            raise errors.HttpError(404, 'not_found', 'There is no such path.')
        return found[_method(request, found)]


def _method(request, found):
    method = 'GET' if request.method == 'HEAD' else request.method
    if method in found:
        return method
    allowed = ', '.join(sorted({*found, *(['HEAD'] * ('GET' in found))}))
    raise errors.HttpError(
        405,
        'method_not_allowed',
        f'This path takes {allowed}.',
        {'Allow': allowed},
    )


def walk(kind, path=''):
    """
    :param kind: the class of the root
    :returns: iterator over (path, resource class, attribute, Route)
    """
    for name, route in routes(kind):
        yield f'{path}/{route.path}'.rstrip('/') or '/', kind, name, route
    for name, child in kind.children.items():
        yield from walk(child, f'{path}/{name}')
