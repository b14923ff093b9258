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

"""The things Sentinella speaks of, each in its only form.

Every time is a float of seconds since the Unix epoch, UTC. Every class is
frozen. How they cross the bus is in :mod:`sentinella.wire`.
"""

import dataclasses
import enum
import functools
import hashlib
import json
import struct
import typing
import zlib

from sentinella import exceptions

#: A frame holds at most this many samples. A controller that runs all of
#: OpenStack reports some 400; the rest is room, the bound is against floods.
MAX_SAMPLES = 20000


class Mode(enum.StrEnum):
    """What a server's alarms do: page, or keep quiet."""

    ACTIVE = 'active'
    MAINTENANCE = 'maintenance'
    BLACKOUT = 'blackout'


class Enrolment(enum.StrEnum):
    """Whether a server's agent is known by its key."""

    ACCEPTED = 'accepted'
    #: It waits for an operator; none of its reports is stored.
    PENDING = 'pending'
    #: It is accepted, and another key asks to take the place of its own.
    CHANGED = 'changed'


class ServiceState(enum.StrEnum):
    UP = 'UP'
    DOWN = 'DOWN'
    UNDETERMINED = 'UNDETERMINED'


class AlarmState(enum.StrEnum):
    OK = 'OK'
    ALARM = 'ALARM'
    UNDETERMINED = 'UNDETERMINED'


class Lifecycle(enum.StrEnum):
    """What people did about an alarm."""

    OPEN = 'OPEN'
    ACKNOWLEDGED = 'ACKNOWLEDGED'
    RESOLVED = 'RESOLVED'


class Severity(enum.StrEnum):
    """Most severe first."""

    CRITICAL = 'critical'
    MAJOR = 'major'
    WARNING = 'warning'
    INFO = 'info'

    @property
    def rank(self):
        """0 for the most severe."""
        return list(Severity).index(self)

    def exceeds(self, other):
        """Whether it is more severe than another, or there is no other."""
        return other is None or self.rank < other.rank


class ThresholdType(enum.StrEnum):
    """What kind of samples a definition reads."""

    BINARY = 'binary'
    TAILABLE = 'tailable'
    GAUGE = 'gauge'


class NotificationKind(enum.StrEnum):
    """What a notification tells."""

    ALARM = 'alarm'
    RECOVERY = 'recovery'
    #: It changes so often that no more is told until it has settled.
    FLAPPING = 'flapping'
    #: It was told before, and nobody has acknowledged it.
    REPEAT = 'repeat'
    #: Another channel was told before, and nobody has acknowledged it.
    ESCALATION = 'escalation'


class InstanceKind(enum.StrEnum):
    """Which of our own processes a heartbeat is of."""

    CONDUCTOR = 'conductor'
    EVALUATOR = 'evaluator'


class NotificationState(enum.StrEnum):
    PENDING = 'PENDING'
    SENT = 'SENT'
    #: Given up.
    DEAD = 'DEAD'
    #: Not to be told any more, such as the recovery of what was not told.
    SKIPPED = 'SKIPPED'


class WaitsFor(enum.StrEnum):
    """What a notification that is not under way waits for."""

    #: An earlier one of the same alarm to the same channel.
    ORDER = 'order'
    #: The next of the messages a minute that its channel takes.
    RATE = 'rate'
    #: Others, to become one message with them.
    DIGEST = 'digest'
    #: The end of its channel's quiet hours.
    QUIET = 'quiet'
    #: The next attempt.
    RETRY = 'retry'
    #: The other end, which asked to be left alone for a while.
    RECEIVER = 'receiver'


class ReceiptStatus(enum.StrEnum):
    """A conductor's answer to a report."""

    ACCEPTED = 'ACCEPTED'
    #: Stored before: an acknowledgement was lost on its way.
    DUPLICATE = 'DUPLICATE'
    #: The server or its epoch is not known: register, then send again.
    UNREGISTERED = 'UNREGISTERED'
    #: The frame's schema is not known: send again with its metrics.
    UNKNOWN_SCHEMA = 'UNKNOWN_SCHEMA'
    #: Nothing can be stored just now: keep it, and send it again later.
    LATER = 'LATER'
    #: It will never be taken: count it, drop it, go on.
    REFUSED = 'REFUSED'
    #: The server waits for an operator to accept it: keep it, ask again.
    PENDING = 'PENDING'
    #: Not signed by the key that this server is known by: keep it, register.
    UNTRUSTED = 'UNTRUSTED'


@dataclasses.dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name with its dimensions, the server never among them.

    :ivar dimensions: (name, value) pairs, sorted by name
    """

    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, name, **dimensions):
        return cls(name, tuple(sorted(dimensions.items())))

    def has(self, dimensions):
        """Whether all of `dimensions`, a mapping, are among its own."""
        return dimensions.items() <= dict(self.dimensions).items()


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One number at the time of the frame that it is put into.

    A value that could not be read is NaN, never 0.
    """

    metric: Metric
    value: float


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """All samples of one server at one time.

    :ivar at: distinct for each frame of a server, in whole milliseconds
    :ivar schema: digest of the metrics, see :func:`schema_digest`
    :ivar values: what :func:`pack` made of the values, in the metrics' order
    :ivar metrics: None where the receiver is expected to know the schema
    """

    at: float
    schema: str
    values: bytes
    metrics: tuple[Metric, ...] | None = None

    @classmethod
    def of(cls, at, samples, arranged=None):
        """
        :param samples: list of Samples
        :param arranged: what :func:`arrange` says of their metrics, where
            that is known
        """
        places, metrics, schema = arranged or arrange(
            [sample.metric for sample in samples]
        )
        return cls(
            at=round(at, 3),
            schema=schema,
            values=pack([samples[place].value for place in places]),
            metrics=metrics,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class LogEvent:
    """One WARNING, ERROR or CRITICAL record of a service's log.

    :ivar module: the logger's name
    :ivar at: when it was first logged; :ivar last_at: when last, 0 where it
        was not repeated
    :ivar traceback: its lines as they stand in the log, or None
    :ivar signature: name of the known pattern that it matches, or None
    :ivar count: how many times it was logged
    """

    at: float
    service: str
    level: str
    message: str
    module: str = ''
    request_id: str | None = None
    traceback: str | None = None
    signature: str | None = None
    count: int = 1
    last_at: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One OpenStack binary on one server, as its agent sees it.

    :ivar since: when it took this state
    :ivar pids: its master first, then its workers
    :ivar evidence: how the agent knew what the process is
    :ivar reason: why it is in this state, in words
    """

    name: str
    state: ServiceState
    since: float
    project: str = ''
    pids: tuple[int, ...] = ()
    log_files: tuple[str, ...] = ()
    evidence: str = ''
    reason: str = ''
    restarts: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Registration:
    """Who an agent is; sent when it starts and when it is asked.

    :ivar server: a UUID that the agent made and keeps
    :ivar epoch: new when the agent's spool is new; sequences belong to it
    :ivar facts: CPU, memory, disks, kernel, OpenStack release, in short
    :ivar interval: seconds between its reports
    :ivar sent_at: the agent's clock when it sent this, for the offset
    :ivar public_key: that its reports are signed with, as
        :mod:`sentinella.signing` writes it
    :ivar counter: greater in each registration of a server: one that was
        overheard can not be used again
    """

    server: str
    epoch: str
    hostname: str
    cloud_group: str = ''
    location: str = ''
    agent_version: str = ''
    interval: float = 10.0
    facts: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    sent_at: float = 0.0
    public_key: str = ''
    counter: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What an agent saw since its last report.

    :ivar sequence: grows by one with each report of an epoch
    :ivar overtakes: sent before others that wait: a death, a CRITICAL. Those
        that overtake keep their order, and so do those that do not.
    :ivar sent_at: the agent's clock when it sent this, for the offset
    :ivar services: those that changed, or all of them where `complete`
    :ivar urgent: sent between two ticks; all in its frame has just changed
    :ivar dropped: log events and reports lost to a bound since the last one
    """

    server: str
    epoch: str
    sequence: int
    sent_at: float = 0.0
    frame: Frame | None = None
    events: tuple[LogEvent, ...] = ()
    services: tuple[ServiceStatus, ...] = ()
    complete: bool = False
    urgent: bool = False
    dropped: int = 0
    overtakes: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """
    :ivar key: the public key that it can be verified with
    """

    key: str
    value: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Signed:
    """What an agent says, and the proof that the agent did.

    A report is signed with the agent's key; a registration with the key that
    it names and, where that takes another's place, with that one as well.

    :ivar body: JSON of what :func:`sentinella.wire.to_wire` makes of a
        Registration or a Report
    """

    body: str
    signatures: tuple[Signature, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """A conductor's answer; `reason` says why a report was refused."""

    status: ReceiptStatus
    reason: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """A monitored node.

    :ivar id: its number inside the database; never leaves the server side
    :ivar interval: seconds between its agent's reports
    :ivar clock_offset: the agent's clock less the database's, in seconds
    :ivar sequence: of the last report that did not overtake
    :ivar observed_at: when what that report tells was seen, or None
    :ivar urgent_sequence: of the last report that did
    :ivar public_key: that its reports must be signed with; '' where no
        operator has accepted the server yet
    :ivar candidate_key: that asks to take this one's place, or ''
    :ivar registration_counter: of the last registration by that key
    :ivar former_keys: those that it was known by before, each with the
        counter of its last registration
    :ivar refused: reports and registrations that were not this agent's own
    :ivar refused_at: when the last of them came, or None
    """

    id: int
    uuid: str
    hostname: str
    project_id: str
    cloud_group: str = ''
    location: str = ''
    mode: Mode = Mode.ACTIVE
    facts: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    agent_version: str = ''
    interval: float = 10.0
    epoch: str = ''
    sequence: int = 0
    clock_offset: float = 0.0
    dropped: int = 0
    created_at: float = 0.0
    last_report_at: float | None = None
    observed_at: float | None = None
    urgent_sequence: int = 0
    public_key: str = ''
    candidate_key: str = ''
    registration_counter: int = 0
    refused: int = 0
    refused_at: float | None = None
    former_keys: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def enrolment(self):
        if not self.public_key:
            return Enrolment.PENDING
        return Enrolment.CHANGED if self.candidate_key else Enrolment.ACCEPTED


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A time for which a mode is planned, once or again and again.

    What it covers is all of its project's, or what each of these that is
    not empty has: `servers` (UUIDs), `cloud_groups`, `services` (names) and
    `definitions` (UUIDs of alarm definitions).

    :ivar project_id: whose things it covers; None for those of all
    :ivar starts_at: whole seconds; :ivar ends_at: of its first occurrence
    :ivar rrule: a recurrence rule of RFC 5545, or '' where there is none
    :ivar timezone: name of the time zone whose clocks the rule goes by
    :ivar until: occurrences do not begin after this, None for no such time
    :ivar owner: who made it
    :ivar valid_from: since when it is as it is; it changes nothing of before
    :ivar valid_until: when it was changed or deleted, None for it was not
    :ivar over_at: when its last occurrence ends, None for never
    """

    uuid: str
    name: str
    project_id: str | None
    mode: Mode
    starts_at: float
    ends_at: float
    rrule: str = ''
    timezone: str = 'UTC'
    until: float | None = None
    servers: tuple[str, ...] = ()
    cloud_groups: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    owner: str = ''
    reason: str = ''
    id: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    valid_from: float = 0.0
    valid_until: float | None = None
    over_at: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AlarmDefinition:
    """An expression, and what to do when it holds.

    :ivar project_id: None reads the servers of every project, each alarm
        belonging to its server's; else only that project's own servers
    :ivar match_by: one alarm per distinct values of these; `server` may be
        one of them
    :ivar severity: of an alarm whose `expression` holds
    :ivar tiers: mapping of more severe severities to stricter expressions;
        an alarm has the worst severity whose expression holds
    :ivar inhibited_by: names of definitions of the same project; while one
        of those has an alarm, nobody is paged about an alarm of this one
    :ivar channels: UUIDs of the only channels to use; empty: all that the
        alarm's project has
    :ivar builtin: shipped with Sentinella, so it can be disabled but not
        deleted
    :ivar releases: bounds of the OpenStack releases that it holds for, such
        as >=2024.1; '' for all, see :mod:`sentinella.knowledge.releases`
    :ivar customized: a builtin one that somebody changed; upgrades leave
        what was changed
    :ivar customizations: of each field that somebody changed in a builtin
        one, what it `was` as shipped when that was done, and what it `is` as
        shipped by now
    """

    uuid: str
    name: str
    expression: str
    type: ThresholdType
    severity: Severity
    match_by: tuple[str, ...] = ('server',)
    description: str = ''
    cause: str = ''
    remedy: str = ''
    project_id: str | None = None
    channels: tuple[str, ...] = ()
    enabled: bool = True
    builtin: bool = False
    customized: bool = False
    id: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    tiers: dict[str, str] = dataclasses.field(default_factory=dict)
    inhibited_by: tuple[str, ...] = ()
    releases: str = ''
    customizations: dict[str, dict] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Alarm:
    """One `match_by` group of a definition that has been other than OK.

    :ivar group: the group's dimensions; `server` holds a UUID
    :ivar severity: the last that it had in state ALARM
    :ivar first_at: when it first left OK; :ivar changed_at: when its state
        or its severity last changed; :ivar last_at: when it was last seen in
        this state
    :ivar count: how many times it went to ALARM
    :ivar notified_state: ALARM once a page about it went to the outbox, OK
        once its recovery did, None before any
    :ivar notified_severity: that receivers know of, None where they are to
        be told anew; :ivar notified_worst: the worst since it was OK
    :ivar acknowledged_severity: that it had when somebody acted on it
    :ivar acknowledged_until: when it is open again, None: not before it is
        over
    :ivar flapping_since: since when it changes too often to be told of, or
        None; :ivar notified_flapping: whether that was told
    """

    uuid: str
    definition: AlarmDefinition
    group: dict[str, str]
    project_id: str
    state: AlarmState
    lifecycle: Lifecycle
    severity: Severity
    reason: str
    first_at: float
    changed_at: float
    last_at: float
    count: int = 0
    value: float | None = None
    server: Server | None = None
    notified_state: AlarmState | None = None
    acknowledged_by: str | None = None
    acknowledged_at: float | None = None
    note: str | None = None
    id: int = 0
    notified_severity: Severity | None = None
    notified_worst: Severity | None = None
    acknowledged_severity: Severity | None = None
    acknowledged_until: float | None = None
    flapping_since: float | None = None
    notified_flapping: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alarm's state or severity, with what was seen; or,
    with neither changed, why people are told of it anew.

    :ivar from_severity: None for an alarm that begins
    :ivar values: mapping of the terms of the expression to their numbers
    """

    uuid: str
    at: float
    from_state: AlarmState
    to_state: AlarmState
    reason: str
    value: float | None = None
    id: int = 0
    from_severity: Severity | None = None
    severity: Severity | None = None
    values: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """What has just become of an alarm: a transition, or what people did.

    :ivar number: greater than that of each event that was seen before it
    :ivar state: of the alarm then; so are `severity` and `lifecycle`
    :ivar user: who did it, '' where nobody did
    :ivar alarm: as it is by now
    """

    number: int
    at: float
    state: AlarmState
    severity: Severity
    lifecycle: Lifecycle
    user: str
    alarm: Alarm
    transition: Transition | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Instance:
    """One of our own processes, and when it was last heard of.

    :ivar number: tells those of one kind on one host apart
    :ivar unbroken_since: since when no beat was missed; in seconds of the
        database's clock, as all its times
    :ivar facts: what it tells of itself, such as whether the bus lets it in
    """

    uuid: str
    kind: InstanceKind
    host: str
    number: int
    pid: int
    started_at: float
    beat_at: float
    unbroken_since: float
    facts: dict[str, typing.Any] = dataclasses.field(default_factory=dict)
    id: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Sealed:
    """Settings that only :class:`sentinella.vault.Vault` can open."""

    token: str


@dataclasses.dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications go.

    :ivar driver: name of an entry point in `sentinella.notifiers`
    :ivar settings: as the driver's schema has them; sealed, or plain where
        they are none, or were stored when there was no key
    :ivar min_severity: alarms less severe than this one are not sent
    :ivar services: the only ones whose alarms are sent; empty: of all, and
        those of none; :ivar cloud_groups: likewise, of an alarm's server;
        :ivar definitions: likewise, UUIDs of alarm definitions
    :ivar repeat_interval: seconds after which an alarm that nobody
        acknowledged is sent again, None for never
    :ivar escalate_after: seconds after which such an alarm is sent to
        another channel as well, None for never
    :ivar escalate_to: UUID of that channel
    :ivar escalations_only: sends what others escalate to it, and alarms of
        definitions that name it
    :ivar quiet: hours in which what is not severe enough waits: mapping of
        `from` and `to`, times such as 22:00, `timezone`, and
        `max_severity`, the most severe that waits; empty: none
    :ivar rate: messages a minute that it takes, None for any number
    :ivar digest_over: pages a minute that are sent one by one; where there
        are more, those that wait become one
    """

    uuid: str
    name: str
    project_id: str
    driver: str
    settings: Sealed | dict[str, typing.Any]
    min_severity: Severity = Severity.INFO
    enabled: bool = True
    id: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0
    services: tuple[str, ...] = ()
    cloud_groups: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    repeat_interval: float | None = None
    escalate_after: float | None = None
    escalate_to: str | None = None
    escalations_only: bool = False
    quiet: dict[str, str] = dataclasses.field(default_factory=dict)
    rate: int | None = None
    digest_over: int = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Notification:
    """One transition to one channel: a row of the outbox.

    :ivar next_attempt_at: when it is looked at next
    :ivar ordinal: 0 for the first about its transition to its channel
    :ivar digest_id: UUID of the message that told of it together with
        others, None where it went, or goes, by itself
    :ivar waits_for: WaitsFor, None where nothing keeps it
    :ivar resent_by: who asked for it to be sent once more, or None
    :ivar reference: what its driver wants back with the alarm's next
        message to the channel, or None
    """

    uuid: str
    alarm: Alarm
    transition: Transition
    channel: Channel
    state: NotificationState = NotificationState.PENDING
    attempts: int = 0
    created_at: float = 0.0
    next_attempt_at: float = 0.0
    delivered_at: float | None = None
    last_error: str | None = None
    id: int = 0
    kind: NotificationKind = NotificationKind.ALARM
    ordinal: int = 0
    digest_id: str | None = None
    waits_for: WaitsFor | None = None
    resent_by: str | None = None
    reference: dict[str, typing.Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a message.

    :ivar message_id: UUID of a notification, or of a digest
    :ivar at: when it began; :ivar seconds: that it took
    :ivar outcome: what became of the message: SENT, DEAD, or PENDING where
        it is tried again
    :ivar answer: what the other side said, or why it did not go
    """

    channel_id: int
    message_id: str
    at: float
    seconds: float
    outcome: NotificationState
    answer: str = ''
    id: int = 0


def arrange(metrics):
    """Put the metrics of a frame in order.

    :param metrics: list
    :returns: (places in the list, metrics there, their digest)
    """

    def key(place):
        return metrics[place].name, metrics[place].dimensions

    places = tuple(sorted(range(len(metrics)), key=key))
    ordered = tuple(metrics[place] for place in places)
    return places, ordered, schema_digest(ordered)


@functools.lru_cache(maxsize=256)
def schema_digest(metrics):
    """32 hexadecimal digits that stand for a tuple of metrics."""
    text = json.dumps([[m.name, m.dimensions] for m in metrics])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def pack(values):
    """Make a few bytes of many doubles, losing nothing.

    Little-endian IEEE 754 doubles, their first bytes first, then their
    second ones (the shuffle of HDF5 and Blosc), deflated: neighbours share
    exponents and trailing zeros, so a typical frame takes 2 to 4 bytes a
    value.
    """
    raw = struct.pack(f'<{len(values)}d', *values)
    return zlib.compress(b''.join(raw[i::8] for i in range(8)), 1)


def unpack_bytes(packed):
    """Undo :func:`pack` up to the shuffle: the bytes of `8 * n` doubles.

    :raises InvalidReport: these are not bytes that :func:`pack` made, or
        more than `MAX_SAMPLES` values
    """
    inflater = zlib.decompressobj()
    try:
        shuffled = inflater.decompress(packed, 8 * MAX_SAMPLES + 1)
    except zlib.error as error:
        raise exceptions.InvalidReport(f'frame values: {error}')
    if not inflater.eof or len(shuffled) % 8:
        raise exceptions.InvalidReport(
            f'frame values: expected whole doubles, {MAX_SAMPLES} at most, '
            f'got {len(shuffled)} bytes'
            + ('' if inflater.eof else ' and more')
        )
    return shuffled


def unpack(packed):
    """Undo :func:`pack`.

    :returns: tuple of floats
    :raises InvalidReport: see :func:`unpack_bytes`
    """
    shuffled = unpack_bytes(packed)
    count = len(shuffled) // 8
    raw = bytearray(len(shuffled))
    for i in range(8):
        raw[i::8] = shuffled[i * count : (i + 1) * count]
    return struct.unpack(f'<{count}d', raw)
