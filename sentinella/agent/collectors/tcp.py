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

"""Whether ports of other machines, or of this one, take connections."""

import socket
import time

from oslo_config import cfg

from sentinella.agent import base
from sentinella.agent.asking import probing
from sentinella.agent.asking import targets


class TcpCollector(base.Collector):
    """Whether ports of other machines, or of this one, take connections.

    For what has no collector of its own: a storage array, a gateway, the
    virtual address of a load balancer. It connects, says nothing, and hangs
    up. It needs `targets`, and does nothing without.
    """

    PROBES = True
    OPTIONS = (
        cfg.ListOpt(
            'targets',
            default=[],
            help='Ports to connect to, each as host:port or [address]:port.',
        ),
        targets.timeout_option(),
    )
    METRICS = {
        'tcp.up': 'Whether the port took a connection: 1 or 0, NaN where its '
        'name has no address; by target',
        'tcp.connect_seconds': 'Time to connect, the look-up of its name '
        'included, s; by target',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._targets = targets.read(
            conf, self.group(), 'targets', targets.address
        )

    def wanted(self):
        return bool(self._targets)

    def collect(self, now):
        outcomes = probing.each(self._connect, self._targets)
        for address, outcome in zip(self._targets, outcomes, strict=True):
            target = targets.address_text(*address)
            up = probing.up(outcome)
            seconds = round(outcome, 6) if up == 1 else base.NAN
            yield base.sample('tcp.up', up, target=target)
            yield base.sample('tcp.connect_seconds', seconds, target=target)

    def _connect(self, address):
        """
        :returns: seconds that it took
        :raises OSError: it could not
        """
        started = time.perf_counter()
        with socket.create_connection(address, self.options.timeout) as conn:
            seconds = time.perf_counter() - started
            # where nobody listens on one of the kernel's own choosing, it
            # may choose just that, and connect us to ourselves
            if conn.getsockname() == conn.getpeername():
                raise ConnectionRefusedError
        return seconds
