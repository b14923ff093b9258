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

"""The cache of tokens and other short-lived things."""

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue


class MemcachedCollector(base.Collector):
    """The cache of tokens and other short-lived things.

    Without it every request validates its token anew, and consoles and
    dashboards forget who has logged in. It needs to connect as any client
    does, and asks one question.
    """

    SERVICES = ('memcached',)
    PROBES = True

    OPTIONS = (
        cfg.Opt(
            'address',
            type=dialogue.Address(11211),
            help='Where it is asked: host:port, or the path of its Unix '
            'socket. Not set: where the memcached of this node listens.',
        ),
    )

    METRICS = {
        'memcached.up': 'Whether it answers: 1 or 0',
        'memcached.connections': 'Connections that are open',
        'memcached.connections_percent': 'Connections that are open, % of '
        'what it takes',
        'memcached.refusals': 'Times since the last look that it took no '
        'more connections',
        'memcached.memory_percent': 'Memory in use, % of what it may use',
        'memcached.evictions': 'Entries dropped since the last look to make '
        'room for others',
        'memcached.hit_percent': 'Questions since the last look that it knew '
        'an answer to, %; NaN where there was none',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()

    def collect(self, now):
        address = self.options.address or dialogue.locate(
            self.node, 'memcached', port=11211
        )
        try:
            stats = read(ask(address))
        except OSError as error:
            down = dialogue.is_down(self.node, 'memcached')
            up = dialogue.judge(error, address, _REMEDY, down)
            return [base.sample('memcached.up', up)]
        except ValueError as error:
            raise exceptions.Lacking(
                f'{dialogue.text(address)} does not answer as memcached does '
                f'({error})',
                _REMEDY,
            )
        return list(self._samples(stats))

    def _samples(self, stats):
        hits = self._growth.of('hits', stats.get('get_hits'))
        misses = self._growth.of('misses', stats.get('get_misses'))
        for name, value in {
            'up': 1,
            'connections': stats.get('curr_connections'),
            'connections_percent': counting.percent(
                stats.get('curr_connections'), stats.get('max_connections')
            ),
            'refusals': self._growth.of(
                'refusals', stats.get('listen_disabled_num')
            ),
            'memory_percent': counting.percent(
                stats.get('bytes'), stats.get('limit_maxbytes')
            ),
            'evictions': self._growth.of('evictions', stats.get('evictions')),
            'hit_percent': counting.percent(hits, hits + misses),
        }.items():
            yield base.sample(f'memcached.{name}', value)


_REMEDY = 'set [collector_memcached] address to where it listens'


def ask(address):
    """
    :returns: what it says of itself, bytes
    :raises OSError: nobody answers
    """
    with dialogue.Dialogue(address) as server:
        server.send(b'stats\r\n')
        return server.read_until(b'END\r\n', b'ERROR\r\n', b'unauthenticated')


def read(answer):
    """
    :param answer: to `stats`
    :returns: {name: value} of those that are numbers
    :raises ValueError: it is none
    """
    lines = answer.decode('ascii', 'replace').split('\r\n')
    if lines[-2:] != ['END', '']:
        raise ValueError(lines[0][:80])
    found = {}
    for line in lines[:-2]:
        words = line.split(' ', 2)
        if len(words) != 3 or words[0] != 'STAT':
            raise ValueError(line[:80])
        if words[2].isdecimal() and words[2].isascii():
            found[words[1]] = int(words[2])
    return found
