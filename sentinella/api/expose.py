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

"""The one door: every function of the API is entered through it."""

import collections.abc
import dataclasses
import time
import typing
import urllib.parse

import pecan
import webob

from sentinella import context as contexts
from sentinella import exceptions
from sentinella import policy as policies
from sentinella.api import auth
from sentinella.api import errors
from sentinella.api import parts as api_parts
from sentinella.api import rendering
from sentinella.api import resource
from sentinella.api import streams
from sentinella.api import validation
from sentinella.db import database

NOTHING = {'type': 'object', 'properties': {}, 'additionalProperties': False}


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """One request, checked.

    :ivar query: what its schema has; times are seconds
    :ivar body: what its schema has
    :ivar sent: the query as it was written
    :ivar headers: mapping, whatever the case of their names
    :ivar now: when it came, seconds
    :ivar root: URL of this API's root, without a slash at its end
    :ivar url: of what was asked for, without the query
    """

    parts: api_parts.Parts
    context: contexts.RequestContext | None
    query: dict[str, typing.Any]
    body: dict[str, typing.Any]
    sent: tuple[tuple[str, str], ...]
    headers: collections.abc.Mapping[str, str]
    now: float
    root: str
    url: str

    @property
    def visible(self):
        """The only project whose things may be seen; None for all."""
        return self.context.visible_project

    @property
    def user(self):
        """Who asks, as it is kept with what they did."""
        return self.context.user_id or ''

    def authorize(self, rule, project_id):
        """
        :param project_id: of what is asked for
        :raises Forbidden: the rule does not allow it
        """
        policies.check(self.parts.enforcer, self.context, rule, project_id)

    def may(self, rule, project_id):
        """
        :returns: whether :meth:`authorize` would let it pass
        """
        try:
            self.authorize(rule, project_id)
        except exceptions.Forbidden:
            return False
        return True

    def may_ask(self, rule):
        """
        :returns: whether one who asks for what another rule is of, by its
            own path, would be let in
        """
        return self.may(rule, self.context.project_id)

    @property
    def filters(self):
        """The query without the words that turn pages."""
        return {
            name: value
            for name, value in self.query.items()
            if name not in ('limit', 'marker')
        }

    @property
    def paging(self):
        """Arguments of a list that reads one more than it shows, to know
        whether there is a next page."""
        return {'limit': self._limit + 1, 'marker': self.query.get('marker')}

    def page(self, name, found, view, marker=lambda shown: shown['id']):
        """Show a list, with a link to the next page where there is one.

        :param name: the collection's, its key in the answer
        :param view: makes JSON of one of those found
        :param marker: what the next page starts after
        """
        shown = [view(item) for item in found[: self._limit]]
        page = {name: shown}
        if len(found) > self._limit:
            query = {**dict(self.sent), 'marker': marker(shown[-1])}
            href = f'{self.url}?{urllib.parse.urlencode(query)}'
            page[f'{name}_links'] = [{'rel': 'next', 'href': href}]
        return page

    @property
    def _limit(self):
        most = self.parts.conf.api.max_limit
        return min(self.query.get('limit', most), most)


def expose(
    route, policy, query=NOTHING, body=None, status=200, media=resource.JSON
):
    """Have a method of a Resource answer requests.

    Its arguments are an :class:`Asked` and the UUIDs of the path; it
    returns what is shown as JSON, or None for an empty answer; or a Stream,
    where it says so by its media type.

    :param route: such as `GET {server_id}`
    :param policy: name of the rule; None lets everybody in, token or not
    :param query: JSON schema of the query; without one it takes none
    :param body: JSON schema of the body
    :param status: of the answer, where all went well
    :param media: type of the answer
    """
    answers = resource.Route(route, policy, query, body, status, media)

    def decorate(function):
        # a transaction that lost against another one is done again
        work = database.retry_on_deadlock(function)

        @pecan.expose(content_type='application/json')
        def controller(self, *ids):
            asked = _ask(self.parts, answers)
            result = work(self, asked, *ids)
            if answers.media == streams.MEDIA:
                pecan.request.environ[streams.KEY] = result
                return None
            pecan.response.status = answers.status
            return None if result is None else rendering.render(result)

        controller.__name__ = function.__name__
        controller.__doc__ = function.__doc__
        controller.route = answers
        return controller

    return decorate


def _ask(parts, route):
    """Policy first: who may not ask is not told how."""
    request = webob.Request(pecan.request.environ)
    context = request.environ.get(auth.CONTEXT)
    if route.policy is not None:
        if context is None:
            raise errors.HttpError(401, 'unauthorized', 'Who are you?')
        policies.check(
            parts.enforcer, context, route.policy, context.project_id
        )
    if not request.accept.acceptable_offers([route.media]):
        raise errors.HttpError(
            406, 'not_acceptable', f'Accept: answers are {route.media} only'
        )
    sent = validation.read_query(request.query_string)
    return Asked(
        parts=parts,
        context=context,
        query=validation.check_query(route.query, sent),
        body=validation.read_body(request, route.body) if route.body else {},
        sent=sent,
        headers=request.headers,
        now=time.time(),
        root=request.application_url.rstrip('/'),
        url=request.path_url,
    )
