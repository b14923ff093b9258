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

"""The control plane of the virtual networks: OVN."""

import re

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import counting
from sentinella.agent.asking import dialogue
from sentinella.agent.asking import jsonrpc
from sentinella.agent.asking import probing

#: {service: the name of its control socket, its database}
_DATABASES = {
    'ovn-nb': ('ovnnb_db', 'OVN_Northbound'),
    'ovn-sb': ('ovnsb_db', 'OVN_Southbound'),
}
#: {service: what tells whether it is connected}
_CONNECTIONS = {
    'ovn-controller': ('connection-status',),
    'ovn-northd': ('nb-connection-status', 'sb-connection-status'),
}

_REMEDY = (
    "let sentinella open the control sockets, which are root's: `setfacl -m "
    'u:sentinella:rw /run/ovn/*.ctl` after each start of OVN; who may do that '
    'can also stop it'
)
#: We can't ask; whether it is up is another question.
_BLOCKED = (FileNotFoundError, PermissionError)
_LINE = re.compile(r'^([A-Z][A-Za-z ]*): ?(.*)$', re.MULTILINE)
_MEMBER = re.compile(r'^    [0-9a-f]{4} \(', re.MULTILINE)


class OvnCollector(base.Collector):
    """The control plane of the virtual networks: OVN.

    While it fails nothing that runs is cut off, but no port, router or
    security group changes any more. Databases that run as a cluster need a
    majority to agree upon each change; one that does not know its leader has
    lost it.

    It needs to open the control sockets of the daemons, which are root's
    alone if not changed, and whoever may open them may also stop the daemons.
    """

    SERVICES = ('ovn-controller', 'ovn-northd', 'ovn-nb', 'ovn-sb')
    PROBES = True

    OPTIONS = (
        cfg.ListOpt(
            'run_directories',
            default=['/run/ovn', '/run/openvswitch'],
            help='Where the control sockets are.',
        ),
    )

    METRICS = {
        'ovn.up': 'Whether a daemon answers: 1 or 0; by service',
        'ovn.connected': 'Whether ovn-controller is connected to the '
        'southbound database, ovn-northd to both: 1 or 0; by service',
        'ovn.northd_active': 'Whether this ovn-northd is the one that works: '
        '1, or 0 for one that waits to take its place',
        'ovn.raft_leader': 'Whether this member leads its cluster: 1 or 0; '
        'by service',
        'ovn.raft_has_leader': 'Whether this member is part of a cluster '
        'whose leader it knows: 1 or 0; by service',
        'ovn.raft_members': 'Members that the cluster shall have; by service',
        'ovn.raft_elections': 'Elections since the last look; by service',
        'ovn.raft_uncommitted': 'Changes that the majority has not taken yet; '
        'by service',
        'ovn.raft_unapplied': 'Changes that this member has not applied yet; '
        'by service',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._growth = counting.Growth()

    def collect(self, now):
        known = [name for name in self.SERVICES if name in self.node.services]
        samples, blocked = [], {}
        found = probing.each(self._ask, known)
        for service, outcome in zip(known, found, strict=True):
            if not isinstance(outcome, Exception):
                samples += outcome
                continue
            down = dialogue.is_down(self.node, service)
            up = jsonrpc.up(outcome, down)
            samples.append(base.sample('ovn.up', up, service=service))
            if isinstance(outcome, _BLOCKED) and not down:
                blocked[service] = outcome
        if blocked and len(blocked) == len(known):
            raise self._lacking(blocked)
        return samples

    def _lacking(self, blocked):
        """
        :param blocked: {service: error}, of those that can't be asked
        """
        which = f'the control socket of {", ".join(blocked)}'
        if any(isinstance(e, PermissionError) for e in blocked.values()):
            return exceptions.Lacking(f'{which} may not be opened', _REMEDY)
        return exceptions.Lacking(
            f'{which} is not in {", ".join(self.options.run_directories)}',
            'set [collector_ovn] run_directories',
        )

    def _ask(self, service):
        """
        :returns: list of Samples
        """
        with jsonrpc.Client(self._find(service)) as client:
            if service in _DATABASES:
                found = self._database(client, service)
            else:
                found = _daemon(client, service)
            return [base.sample('ovn.up', 1, service=service), *found]

    def _find(self, service):
        name = _DATABASES.get(service, (service,))[0]
        failed = FileNotFoundError()
        for folder in self.options.run_directories:
            try:
                return jsonrpc.control_socket(folder, name)
            except FileNotFoundError as error:
                failed = error
        raise failed

    def _database(self, client, service):
        # one that is no cluster's does not know of such things
        client.call('version')
        try:
            text = str(client.call('cluster/status', _DATABASES[service][1]))
        except jsonrpc.RemoteError:
            return
        for name, value in raft(text).items():
            if name == 'elections':
                value = self._growth.of(service, value)
            yield base.sample(f'ovn.raft_{name}', value, service=service)


def _daemon(client, service):
    states = [str(client.call(command)) for command in _CONNECTIONS[service]]
    yield base.sample(
        'ovn.connected',
        all(state.strip() == 'connected' for state in states),
        service=service,
    )
    if service == 'ovn-northd':
        status = str(client.call('status')).strip()
        yield base.sample('ovn.northd_active', status == 'Status: active')


def raft(text):
    """
    :param text: that `cluster/status` answers
    :returns: {name: value}, None for what is not said; the term as elections
    """
    said = dict(_LINE.findall(text))
    member = said.get('Status') == 'cluster member'
    leader = said.get('Leader', 'unknown')
    return {
        'leader': said.get('Role') == 'leader',
        'has_leader': member and leader != 'unknown',
        'members': len(_MEMBER.findall(text)),
        'elections': _number(said.get('Term')),
        'uncommitted': _number(said.get('Entries not yet committed')),
        'unapplied': _number(said.get('Entries not yet applied')),
    }


def _number(text):
    return float(text) if text and text.isdecimal() else None
