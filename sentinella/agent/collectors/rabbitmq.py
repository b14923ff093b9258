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

"""The message bus, as its management API sees it."""

import base64
import http.client
import json
import re
import socket
import ssl
import time
import urllib.parse

from oslo_config import cfg
from oslo_log import log

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue
from sentinella.agent.asking import web

LOG = log.getLogger(__name__)

#: Queues that are looked at one by one, those with the most messages.
LOOKED_AT = 100
#: Queues that are named in samples.
NAMED = 20
#: Rounds in which a queue is named on, with 0, once it is read again.
ROUNDS = 20
#: Of queues that come and go with the one process that reads them, and of
#: those whose messages stay when they were read: oslo.messaging's answers
#: and fanouts.
PASSING = re.compile(r'^reply_|_fanout(_|$)')

#: Seconds that one answer may take, and all of them.
PATIENCE = 4.0
DEADLINE = 8.0
LIMIT = 8 * 1024 * 1024

_NODE_COLUMNS = (
    'name,running,partitions,mem_used,mem_limit,mem_alarm,disk_free,'
    'disk_free_limit,disk_free_alarm,fd_used,fd_total,sockets_used,'
    'sockets_total,proc_used,proc_total'
)
_OVERVIEW_COLUMNS = (
    'node,cluster_name,object_totals,queue_totals,message_stats'
)

#: What lets a user see the queues of a virtual host, and do nothing there.
RIGHTS = "`rabbitmqctl set_permissions -p / {user} '^$' '^$' '^$'`"

#: What answers that are none of RabbitMQ's lead to.
STRANGE = (AttributeError, KeyError, StopIteration, TypeError, ValueError)


class RabbitmqCollector(base.Collector):
    """The message bus, as its management API sees it.

    A process that lives is not a bus that works: a broker out of memory or
    disk takes no messages, one that lost its peers works against them, and a
    queue that nobody reads is a service that does not get its work.

    It needs the plugin `rabbitmq_management` and a user with the tag
    `monitoring`, and with permissions in the virtual hosts whose queues it is
    to see, though they allow nothing. What it asks for is bounded, so that a broker with very many
    queues isn't kept busy by it: in each round two questions about the broker,
    one for those 100 queues that hold the most messages if any does, and one
    for each of those that could lack a consumer. Each agent tells of its own
    node and of the queues that live there; the totals are the cluster's.
    """

    SERVICES = ('rabbitmq',)
    PROBES = True

    OPTIONS = (
        cfg.URIOpt(
            'url',
            schemes=['http', 'https'],
            help='Where the management API answers, such as '
            'http://127.0.0.1:15672. Not set: where the broker of this node '
            'listens on port 15672 or 15671, else that.',
        ),
        cfg.StrOpt('user', default='guest', help='A user of the broker.'),
        cfg.StrOpt(
            'password',
            default='guest',
            secret=True,
            help="That user's password.",
        ),
    )

    METRICS = {
        'rabbitmq.up': 'Whether the management API of this node answers and '
        'says that the broker runs: 1 or 0',
        'rabbitmq.nodes': 'Nodes of the cluster; by cluster',
        'rabbitmq.nodes_running': 'Nodes of the cluster that run; by cluster',
        'rabbitmq.partitions': 'Nodes that this one has been parted from and '
        'still does not work with',
        'rabbitmq.memory_alarm': 'Whether publishers are stopped for want of '
        'memory: 1 or 0',
        'rabbitmq.disk_alarm': 'Whether publishers are stopped for want of '
        'disk space: 1 or 0',
        'rabbitmq.memory_percent': 'Memory in use, % of the limit at which '
        'publishers are stopped',
        'rabbitmq.disk_free_ratio': 'Free disk space, in multiples of the '
        'limit at which publishers are stopped',
        'rabbitmq.fd_percent': 'File descriptors in use, %',
        'rabbitmq.sockets_percent': 'Sockets in use, %',
        'rabbitmq.processes_percent': 'Erlang processes in use, %',
        'rabbitmq.connections': 'Connections to the cluster',
        'rabbitmq.channels': 'Channels of these',
        'rabbitmq.consumers': 'Consumers in the cluster',
        'rabbitmq.queues': 'Queues of the cluster',
        'rabbitmq.messages_ready': 'Messages that wait for a consumer, in '
        'all queues of the cluster',
        'rabbitmq.messages_unacked': 'Messages that consumers hold, in all '
        'queues of the cluster',
        'rabbitmq.unroutable': 'Messages that no queue took since the last '
        'look, whole cluster',
        'rabbitmq.queues_unconsumed': 'Queues of this node that hold '
        'messages and have no consumer; replies, fanouts and streams do not '
        'count',
        'rabbitmq.unconsumed_messages': 'Messages in such a queue, 0 for some '
        f'time after that; by queue, the {NAMED} longest',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()
        self._blind = False
        self._named = {}

    def collect(self, now):
        url = self.options.url or self._find()
        api = Api(url, self.options.user, self.options.password)
        try:
            return self.look(api)
        except Unanswered as error:
            return [base.sample('rabbitmq.up', self._up(error, url))]
        except STRANGE:
            raise exceptions.Lacking(
                f'{url} does not answer as RabbitMQ does',
                'set [collector_rabbitmq] url to its management API',
            )

    def look(self, api):
        """
        :param api: an Api
        :returns: list of Samples
        :raises: one of STRANGE where an answer has not the form it should
        """
        overview = api.get('overview', columns=_OVERVIEW_COLUMNS)
        nodes = api.get('nodes', columns=_NODE_COLUMNS)
        me = next(n for n in nodes if n['name'] == overview['node'])
        return [
            *_node_samples(me),
            *_nodes(nodes, overview),
            *self._cluster_samples(overview),
            *self._queue_samples(self._unconsumed(api, overview)),
        ]

    def _unconsumed(self, api, overview):
        found = unconsumed(api, overview)
        blind = found is None
        if blind and not self._blind:
            LOG.warning(
                'collector rabbitmq sees no queues: %s',
                RIGHTS.format(user=self.options.user),
            )
        self._blind = blind
        return found

    def _queue_samples(self, queues):
        count = None if queues is None else len(queues)
        yield base.sample('rabbitmq.queues_unconsumed', count)
        if queues is None:
            return
        values = dict(queues[:NAMED])
        # one that was named is read again: its alarm must come to know
        for queue in list(self._named)[: NAMED - len(values)]:
            values.setdefault(queue, 0)
        rounds = {queue: ROUNDS for queue, _ in queues[:NAMED]}
        for queue, messages in values.items():
            left = rounds.setdefault(queue, self._named.get(queue, 1) - 1)
            if not left:
                del rounds[queue]
            yield base.sample(
                'rabbitmq.unconsumed_messages', messages, queue=queue
            )
        self._named = rounds

    def _find(self):
        for host, port in self.node.listeners_of('rabbitmq'):
            if port in (15672, 15671):
                scheme = 'http' if port == 15672 else 'https'
                place = dialogue.text(dialogue.reachable(host, port))
                return f'{scheme}://{place}'
        return 'http://127.0.0.1:15672'

    def _up(self, error, url):
        """
        :returns: 0, for what does not answer is not up
        :raises Lacking: it is not the broker but its API that is not there
        """
        if error.refused and self._takes_clients(url):
            raise exceptions.Lacking(
                f'nothing listens at {url}',
                'enable the API with `rabbitmq-plugins enable '
                'rabbitmq_management`, or set [collector_rabbitmq] url',
            )
        return 0.0

    def _takes_clients(self, url):
        """Whether the broker itself can be connected to."""
        if dialogue.is_down(self.node, 'rabbitmq'):
            return False
        listeners = self.node.listeners_of('rabbitmq')
        if not listeners:
            host = urllib.parse.urlsplit(url).hostname
            listeners = [(host, 5672), (host, 5671)]
        places = [
            place for place in listeners if not is_for_nodes(place, listeners)
        ]
        return any(_accepts(*dialogue.reachable(*place)) for place in places)

    def _cluster_samples(self, overview):
        objects = overview.get('object_totals', {})
        messages = overview.get('queue_totals', {})
        for name in ('connections', 'channels', 'consumers', 'queues'):
            yield base.sample(f'rabbitmq.{name}', objects.get(name))
        # where there is no queue there are no totals
        none = 0 if objects.get('queues') == 0 else None
        yield base.sample(
            'rabbitmq.messages_ready', messages.get('messages_ready', none)
        )
        yield base.sample(
            'rabbitmq.messages_unacked',
            messages.get('messages_unacknowledged', none),
        )
        stats = overview.get('message_stats', {})
        lost = stats.get('return_unroutable', 0) + stats.get(
            'drop_unroutable', 0
        )
        yield base.sample(
            'rabbitmq.unroutable', self._growth.of('unroutable', lost)
        )


class Unanswered(Exception):
    """The API did not answer.

    :ivar refused: whether nobody listens
    """

    def __init__(self, refused):
        super().__init__()
        self.refused = refused


class Api:
    """The management API, asked within a time that is bounded.

    :raises Lacking: it will not tell us
    """

    def __init__(self, url, user, password):
        self._url = url.rstrip('/')
        self._until = time.monotonic() + DEADLINE
        self._user = user
        proof = base64.b64encode(f'{user}:{password}'.encode()).decode()
        self._headers = {'Authorization': f'Basic {proof}'}
        secure = self._url.startswith('https:')
        self._context = ssl.create_default_context() if secure else None

    def get(self, path, **query):
        """
        :returns: what the JSON of the answer holds
        :raises Unanswered: there was none in time
        :raises ValueError: it is no JSON, or says that there is no such thing
        """
        url = f'{self._url}/api/{path}?{urllib.parse.urlencode(query)}'
        answer = self._request(url)
        if answer.status in (401, 403):
            raise exceptions.Lacking(
                f'{self._url} lets {self._user} not look ({answer.status})',
                'set [collector_rabbitmq] user and password; to make one: '
                '`rabbitmqctl add_user sentinella PASSWORD`, `rabbitmqctl '
                'set_user_tags sentinella monitoring`, '
                + RIGHTS.format(user='sentinella'),
            )
        if answer.status >= 500 or len(answer.body) > LIMIT:
            raise Unanswered(refused=False)
        if answer.status != 200:
            raise ValueError(f'status {answer.status}')
        return json.loads(answer.body)

    def _request(self, url):
        left = min(PATIENCE, self._until - time.monotonic())
        if left <= 0:
            raise Unanswered(refused=False)
        try:
            return web.get(
                url, left, self._context, LIMIT + 1, **self._headers
            )
        except ConnectionRefusedError:
            refused = True
        except (OSError, http.client.HTTPException):
            refused = False
        raise Unanswered(refused)


def unconsumed(api, overview):
    """The queues of a node that hold messages and that nobody reads.

    :returns: list of (queue, messages), the longest first; None where that
        is not to be seen
    """
    if not overview.get('queue_totals', {}).get('messages_ready'):
        return []
    # without statistics this takes the broker a quarter of the time
    page = api.get(
        'queues',
        page=1,
        page_size=LOOKED_AT,
        sort='messages_ready',
        sort_reverse='true',
        disable_stats='true',
        enable_queue_totals='true',
        columns='name,vhost,node,type,messages_ready',
    )
    if not page['total_count']:
        return None
    return [
        (label(queue), queue['messages_ready'])
        for queue in page['items']
        if is_suspect(queue, overview['node']) and not _consumers(api, queue)
    ]


def is_suspect(queue, node):
    """Whether a queue of this node has messages that should be read."""
    return (
        queue.get('messages_ready', 0) > 0
        and queue.get('node', node) == node
        and queue.get('type') != 'stream'
        and not PASSING.search(queue['name'])
    )


def _consumers(api, queue):
    """Number of its consumers; 1 where that is not known: the queue has gone
    since, or is too new to be counted."""
    path = '/'.join(
        urllib.parse.quote(queue[name], safe='') for name in ('vhost', 'name')
    )
    try:
        found = api.get(f'queues/{path}', columns='consumers,messages_ready')
    except ValueError:
        return 1
    # it writes an object without members as []
    return found.get('consumers', 1) if found else 1


def is_for_nodes(place, listeners):
    """Whether a port is that for other nodes, open as long as the process
    lives: 20000 above the one for clients, as a rule."""
    return place[1] == 25672 or place[1] - 20000 in {p for _, p in listeners}


def label(queue):
    """What to call a queue: its name, after its virtual host if that is not
    the usual one."""
    vhost = '' if queue['vhost'] == '/' else f'{queue["vhost"]}/'
    return f'{vhost}{queue["name"]}'[:255]


def _nodes(nodes, overview):
    """What all nodes of a cluster tell alike, or should."""
    running = [node for node in nodes if node.get('running')]
    cluster = str(overview.get('cluster_name', ''))[:255]
    yield base.sample('rabbitmq.nodes', len(nodes), cluster=cluster)
    yield base.sample('rabbitmq.nodes_running', len(running), cluster=cluster)


def _node_samples(me):
    yield base.sample('rabbitmq.up', bool(me.get('running')))
    for name, value in _vitals(me).items():
        yield base.sample(f'rabbitmq.{name}', value)


def _vitals(me):
    """Of one node; None for what it has not measured yet."""
    parted = me.get('partitions')
    free, limit = me.get('disk_free'), me.get('disk_free_limit')
    known = isinstance(free, int) and limit
    return {
        'partitions': None if parted is None else len(parted),
        'memory_alarm': me.get('mem_alarm'),
        'disk_alarm': me.get('disk_free_alarm'),
        'memory_percent': counting.percent(
            me.get('mem_used'), me.get('mem_limit')
        ),
        'disk_free_ratio': round(free / limit, 2) if known else None,
        'fd_percent': _share(me, 'fd'),
        'sockets_percent': _share(me, 'sockets'),
        'processes_percent': _share(me, 'proc'),
    }


def _share(me, name):
    return counting.percent(me.get(f'{name}_used'), me.get(f'{name}_total'))


def _accepts(host, port):
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return False
    return True
