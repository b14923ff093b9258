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

"""The virtual switch of this node, and its database."""

import re

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue
from sentinella.agent.asking import jsonrpc

#: Seconds that each of at most three that are asked may take.
PATIENCE = 3.0

_LOOKUPS = re.compile(r'lookups: hit:[0-9]+ missed:([0-9]+) lost:([0-9]+)')

_REMEDY = (
    'have its database listen on loopback, as the agents of Neutron do '
    '(`ovs-vsctl set-manager ptcp:6640:127.0.0.1`), or set '
    '[collector_openvswitch] database'
)
#: What is asked of the database, in one go.
_QUESTIONS = (
    ('Open_vSwitch', ['cur_cfg', 'next_cfg'], []),
    ('Bridge', ['_uuid'], []),
    ('Port', ['_uuid'], []),
    ('Interface', ['name'], [['error', '!=', ['set', []]]]),
    ('Controller', ['is_connected'], []),
)


class OpenvswitchCollector(base.Collector):
    """The virtual switch of this node, and its database.

    It needs to reach the database: its Unix socket, which is root's as a
    rule, or the port of loopback that Neutron's agents use as well. What the
    switch itself tells (`openvswitch.up` of ovs-vswitchd and the datapath's
    counters) needs its control socket, to open which is to rule the switch;
    where that is not ours, which is well so, these are NaN.
    """

    SERVICES = ('ovs-vswitchd', 'ovsdb-server')
    PROBES = True

    OPTIONS = (
        cfg.Opt(
            'database',
            type=dialogue.Address(6640),
            help='Where the database is asked: a Unix socket or host:port. '
            'Not set: db.sock in run_directory where we may open it, else '
            '127.0.0.1:6640.',
        ),
        cfg.StrOpt(
            'run_directory',
            default='/run/openvswitch',
            help='Where its sockets are.',
        ),
    )

    METRICS = {
        'openvswitch.up': 'Whether it answers: 1 or 0; by service, '
        'ovsdb-server or ovs-vswitchd',
        'openvswitch.applied': 'Whether the switch has done all that its '
        'database asks of it: 1 or 0',
        'openvswitch.bridges': 'Bridges',
        'openvswitch.ports': 'Ports of all bridges',
        'openvswitch.interfaces_in_error': 'Interfaces that could not be made',
        'openvswitch.controllers': 'Controllers that bridges shall have',
        'openvswitch.controllers_connected': 'Those of them that it is '
        'connected to',
        'openvswitch.datapath_missed': 'Packets since the last look that the '
        'kernel had no flow for',
        'openvswitch.datapath_lost': 'Packets since the last look that were '
        'dropped, for the switch was too slow to say what to do with them',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()

    def collect(self, now):
        return [*self._database(), *self._switch()]

    def _database(self):
        chosen = self.options.database
        socket = f'{self.options.run_directory}/db.sock'
        usual = (socket, ('127.0.0.1', 6640))
        failed = None
        for address in (chosen,) if chosen else usual:
            try:
                return read(ask(address))
            except OSError as error:
                failed = failed or (error, address)
            except (ValueError, jsonrpc.RemoteError):
                raise exceptions.Lacking(
                    f'{dialogue.text(address)} does not answer as the '
                    'database of Open vSwitch does',
                    _REMEDY,
                )
        # of the two that are usual the socket tells more
        down = dialogue.is_down(self.node, 'ovsdb-server')
        up = dialogue.judge(*failed, _REMEDY, down)
        return [base.sample('openvswitch.up', up, service='ovsdb-server')]

    def _switch(self):
        """What the switch itself tells, as far as we may ask it."""
        name = 'ovs-vswitchd'
        missed = lost = None
        try:
            missed, lost = self._lookups(name)
            up = 1
        except (OSError, ValueError, jsonrpc.RemoteError) as error:
            up = jsonrpc.up(error, dialogue.is_down(self.node, name))
        for what, value in (('missed', missed), ('lost', lost)):
            yield base.sample(
                f'openvswitch.datapath_{what}', self._growth.of(what, value)
            )
        yield base.sample('openvswitch.up', up, service=name)

    def _lookups(self, name):
        folder = self.options.run_directory
        path = jsonrpc.control_socket(folder, name)
        with jsonrpc.Client(path, PATIENCE) as client:
            return lookups(str(client.call('dpctl/show')))


def ask(address):
    """
    :returns: what :func:`read` reads
    :raises OSError: nobody answers
    :raises RemoteError: it has no such database
    :raises ValueError: it is none
    """
    selects = [
        {'op': 'select', 'table': table, 'columns': columns, 'where': where}
        for table, columns, where in _QUESTIONS
    ]
    with jsonrpc.Client(address, PATIENCE) as client:
        return client.call('transact', 'Open_vSwitch', *selects)


def read(answer):
    """
    :param answer: to `ask`
    :returns: list of Samples
    :raises ValueError: it has not the form it should
    """
    try:
        (root,), bridges, ports, broken, controllers = [
            part['rows'] for part in answer
        ]
        applied = root['cur_cfg'] >= root['next_cfg']
        connected = [row for row in controllers if row['is_connected']]
        counts = {
            'applied': applied,
            'bridges': len(bridges),
            'ports': len(ports),
            'interfaces_in_error': len(broken),
            'controllers': len(controllers),
            'controllers_connected': len(connected),
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f'not the answer to a transaction: {error}')
    return [
        base.sample('openvswitch.up', 1, service='ovsdb-server'),
        *(base.sample(f'openvswitch.{k}', v) for k, v in counts.items()),
    ]


def lookups(text):
    """
    :param text: that `ovs-appctl dpctl/show` prints
    :returns: packets missed and lost by all datapaths, since they began
    """
    pairs = _LOOKUPS.findall(text)
    return sum(int(m) for m, _ in pairs), sum(int(n) for _, n in pairs)
