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

"""The numbers."""

import math

from sentinella import exceptions
from sentinella import model
from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import metrics as schemas
from sentinella.db import servers
from sentinella.policies import metrics as rules

#: Seconds back that a metric's last value is looked for, without `since`.
RECENT = 600.0

#: Seconds that a range goes back without `start`, and its step.
RANGE = 3600.0
STEP = 60

MAX_POINTS = 11000


class Metrics(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        server = self._server(asked)
        since = asked.query.get('since', asked.now - RECENT)
        found = self.parts.storage.latest(server.id, since)
        return {'metrics': [view(*item) for item in sorted(found, key=_order)]}

    @expose('GET range', policy=rules.RANGE, query=schemas.RANGE)
    def range(self, asked):
        server = self._server(asked)
        metric = model.Metric(asked.query['name'], _dimensions(asked.query))
        start, end, step = _span(asked.query, asked.now)
        function = asked.query.get('function', 'avg')
        points = self.parts.storage.range(
            server.id, metric, start, end, step, function
        )
        return {
            'server_id': server.uuid,
            'name': metric.name,
            'dimensions': dict(metric.dimensions),
            'step': step,
            'function': function,
            'points': [[times.show(at), float(v)] for at, v in points],
        }

    def _server(self, asked):
        with self.parts.database.reader() as session:
            return servers.get(session, asked.query['server'], asked.visible)


def view(metric, at, value):
    return {
        'name': metric.name,
        'dimensions': dict(metric.dimensions),
        'at': times.show(at),
        'value': float(value),
    }


def _order(item):
    return item[0].name, item[0].dimensions


def _dimensions(query):
    dimensions = {}
    for pair in filter(None, query.get('dimensions', '').split(',')):
        name, colon, value = pair.partition(':')
        if not name or not colon:
            raise exceptions.InvalidInput(
                'dimensions: expected name:value,name:value, '
                f'got {pair[:40]!r}'
            )
        dimensions[name] = value
    return tuple(sorted(dimensions.items()))


def _span(query, now):
    end = query.get('end', now)
    start = query.get('start', end - RANGE)
    step = query.get('step', STEP)
    if start >= end:
        raise exceptions.InvalidInput('start: expected a time before end')
    if (end - start) / step > MAX_POINTS:
        raise exceptions.InvalidInput(
            f'step: expected at least {math.ceil((end - start) / MAX_POINTS)} '
            f'seconds, an answer holds at most {MAX_POINTS} points'
        )
    return start, end, step
