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

"""What the cases of built-in definitions become: rows of a real storage.

Each case has a project of its own, so that many stand in one database and
none sees another.
"""

import collections
import dataclasses
import importlib
import itertools
import pkgutil
import uuid

from sentinella import model
from sentinella.agent import base as agent
from sentinella.agent import collectors
from sentinella.db import alarms
from sentinella.db import definitions
from sentinella.db import instances
from sentinella.db import models
from sentinella.db import servers
from sentinella.evaluator import expression
from sentinella.evaluator import virtual
from sentinella.storage import base as storage

#: Seconds between two samples, as agents have it if not told otherwise: of
#: what the node itself tells, and of what is asked of others.
INTERVAL, PROBE_INTERVAL = 10.0, 30.0


def described():
    """
    :yields: the class of each collector
    """
    for module in pkgutil.walk_packages(
        collectors.__path__, f'{collectors.__name__}.'
    ):
        for one in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(one, type)
                and issubclass(one, agent.Collector)
                and one.__module__ == module.name
            ):
                yield one


PROBED = {name for one in described() if one.PROBES for name in one.METRICS}


@dataclasses.dataclass
class Staged:
    """A case with what it became.

    :ivar definition: the copy that reads it alone
    """

    case: object
    definition: model.AlarmDefinition
    servers: list
    instances: list


def stage(scene, entry, case, now):
    """Write what a case tells, and a copy of its definition that reads it.

    :param scene: a tests.functional.evaluator.scene.Scene
    :returns: Staged
    """
    # our own processes are of no project
    project = None if case.instances else str(uuid.uuid4())
    made = []
    processes = [_instance(scene, one, now) for one in case.instances]
    for place in case.places:
        for _ in range(place.count):
            made.append(write(scene, place, project, now))
    copy = dataclasses.replace(
        entry.definition,
        uuid=str(uuid.uuid4()),
        builtin=False,
        project_id=project,
    )
    with scene.database.writer() as session:
        copy = definitions.create(session, copy, expression.metrics(copy), now)
    return Staged(case, copy, made, processes)


def write(scene, place, project, now):
    """Make a server of a project, and what it has told until now.

    :returns: Server
    """
    server = _server(scene, place, project, now)
    _write(scene, server, place, now)
    return server


def _server(scene, place, project, now):
    registration = model.Registration(
        str(uuid.uuid4()),
        'e',
        place.hostname or f'node-{uuid.uuid4().hex[:6]}',
        interval=place.row.get('interval', INTERVAL),
        facts=place.facts,
    )
    row = {'last_report_at': now - place.row.get('silence', 0.0)}
    if 'clock_offset' in place.row:
        row['clock_offset'] = place.row['clock_offset']
    if 'refusal_age' in place.row:
        row['refused_at'] = now - place.row['refusal_age']
    with scene.database.writer() as session:
        held = servers.hold(session, registration, project, now)
        server = servers.register(session, held, registration, project)
        session.execute(
            models.servers.update()
            .where(models.servers.c.id == server.id)
            .values(sequence=1, **row)
        )
    return server


def _instance(scene, wanted, now):
    heard_at = now - wanted.silence
    with scene.database.writer() as session:
        made = instances.begin(
            session,
            model.Instance(
                uuid=str(uuid.uuid4()),
                kind=model.InstanceKind(wanted.kind),
                host=wanted.host,
                number=0,
                pid=1,
                started_at=now,
                beat_at=now,
                unbroken_since=now,
                facts=wanted.facts,
            ),
        )
        session.execute(
            models.instances.update()
            .where(models.instances.c.id == made.id)
            .values(beat_at=heard_at, unbroken_since=heard_at - 3600.0)
        )
    return made


def clear(scene, several):
    """Take away what would be seen by cases that come after these."""
    with scene.database.writer() as session:
        for staged in several:
            definitions.delete(session, staged.definition.uuid)
            for one in staged.instances:
                instances.end(session, one)


def _write(scene, server, place, now):
    """One frame for all samples of one time; the last ones are of now."""
    at = collections.defaultdict(list)
    for (name, dimensions), stretches in place.samples.items():
        interval = PROBE_INTERVAL if name in PROBED else server.interval
        values = [v for one in stretches for v in one.values(interval)]
        for back, value in enumerate(reversed(values)):
            if value is not None:
                metric = model.Metric(name, dimensions)
                at[now - back * interval].append(model.Sample(metric, value))
    frames = [model.Frame.of(when, samples) for when, samples in at.items()]
    for metrics in {frame.schema: frame.metrics for frame in frames}.values():
        if scene.storage.metrics_of(model.schema_digest(metrics)) is None:
            scene.storage.learn(metrics)
    scene.storage.write(
        [
            storage.StoredFrame(
                server.id, frame.at, frame.schema, frame.values
            )
            for frame in sorted(frames, key=lambda frame: frame.at)
        ]
    )


def expect(scene, staged, now):
    """Have an alarm on each group of a case that is neither on nor known.

    Only what is known to be OK becomes OK; of what has no alarm nothing
    would be written, be it OK or not known.
    """
    with scene.database.writer() as session:
        for group, server in _groups(staged):
            alarms.save(
                session,
                model.Alarm(
                    uuid=str(uuid.uuid4()),
                    definition=staged.definition,
                    group=group,
                    project_id=staged.definition.project_id or 'service',
                    state=model.AlarmState.UNDETERMINED,
                    lifecycle=model.Lifecycle.RESOLVED,
                    severity=staged.definition.severity,
                    reason='',
                    first_at=now,
                    changed_at=now,
                    last_at=now,
                    server=server,
                ),
            )


def _groups(staged):
    """
    :yields: each group that its definition makes of a case, with its server
    """
    known = collections.defaultdict(set)
    for place in staged.case.places:
        for _, dimensions in place.samples:
            for name, value in dimensions:
                known[name].add(value)
    for one in staged.instances:
        for name, value in virtual.dimensions(one).items():
            known[name].add(value)
    match_by = staged.definition.match_by
    others = [name for name in match_by if name != 'server']
    for values in itertools.product(*(sorted(known[n]) for n in others)):
        group = dict(zip(others, values, strict=True))
        if 'server' not in match_by:
            yield group, None
            continue
        for server in staged.servers:
            yield {**group, 'server': server.uuid}, server


def found(scene, staged):
    """
    :returns: the Alarms of a case
    """
    with scene.database.reader() as session:
        return alarms.list_(
            session, limit=1000, definition=staged.definition.uuid
        )
