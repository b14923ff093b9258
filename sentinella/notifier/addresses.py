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

"""Which addresses notifications may be sent to.

Whoever may make a channel has the cloud send requests from within. What only
the node itself can reach is refused, whatever it is named and wherever a name
leads: what is checked is the address that a socket is connected to.
"""

import ipaddress

#: What is refused, by what it is called.
REFUSED = {
    'unspecified': ('0.0.0.0/8', '::/128'),
    'loopback': ('127.0.0.0/8', '::1/128'),
    # http://169.254.169.254/ and fe80::a9fe:a9fe, OpenStack's and others'
    # metadata, are among them
    'link-local': ('169.254.0.0/16', 'fe80::/10'),
    'multicast': ('224.0.0.0/4', 'ff00::/8'),
    'reserved': ('240.0.0.0/4',),
    # those of other clouds: Amazon, Google, Alibaba, Azure, Oracle
    'metadata': (
        'fd00:ec2::254/128',
        'fd20:ce::254/128',
        '100.100.100.200/32',
        '168.63.129.16/32',
        '192.0.0.192/32',
    ),
}

#: IPv6 addresses that end in an IPv4 one: of NAT64 (RFC 6052), and those
#: that nobody should use any more (RFC 4291, 2.5.5.1).
_ENDS_IN_IPV4 = tuple(
    ipaddress.ip_network(text) for text in ('64:ff9b::/96', '::/96')
)
#: The last part of an address that is IPv4.
_LAST_32_BITS = 0xFFFFFFFF


class Addresses:
    """
    :param allowed: networks that are not refused, whatever else holds
    :param refused: further networks that are
    """

    def __init__(self, allowed=(), refused=()):
        self._allowed = tuple(allowed)
        self._refused = [
            (kind, ipaddress.ip_network(text))
            for kind, networks in REFUSED.items()
            for text in networks
        ]
        self._refused += [('refused', network) for network in refused]

    def why_not(self, text):
        """
        :param text: a numeric address
        :returns: what kind of address it is that is refused, or None
        """
        for address in _meanings(ipaddress.ip_address(text)):
            if any(address in network for network in self._allowed):
                continue
            for kind, network in self._refused:
                if address in network:
                    return kind
        return None


def _meanings(address):
    """An address, and those that packets to it may end at."""
    yield address
    if address.version == 4:
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]
    # :: and ::1 have names of their own
    if any(address in net for net in _ENDS_IN_IPV4) and int(address) > 1:
        yield ipaddress.IPv4Address(int(address) & _LAST_32_BITS)
