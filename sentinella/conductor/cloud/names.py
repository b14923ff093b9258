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

"""Whether the host that an API names is a server that is known."""


class Hosts:
    """
    :param hostnames: of the servers that are known
    """

    def __init__(self, hostnames):
        self._known = frozenset(hostnames)
        self._by_short = {}
        for name in self._known:
            self._by_short.setdefault(_short(name), []).append(name)

    def server(self, host):
        """The name of the server that a host is, or the host as it is.

        One may go by its short name with an API, and by the whole one with
        its agent, or the other way around. Where two may be meant it is
        neither.
        """
        if host in self._known:
            return host
        same = [
            name
            for name in self._by_short.get(_short(host), ())
            # cmp-1.a is not cmp-1.b
            if '.' not in name or '.' not in host
        ]
        return same[0] if len(same) == 1 else host


def _short(name):
    return name.partition('.')[0]
