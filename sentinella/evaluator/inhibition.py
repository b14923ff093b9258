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
"""Which alarms are not told of because another one tells more: pure.

An alarm inhibits those whose groups agree with its own on the dimensions that
both have: one of a server what is amiss on that server, one without a group
everything.
"""


class Inhibition:
    """
    :param on: pairs of the name of a definition that inhibits and the group
        of an alarm of it that is on
    :param looked_at: seconds, when all that inhibit were certainly evaluated
    :param patience: seconds that a page waits for that, at most
    """

    def __init__(self, on=(), looked_at=float('inf'), patience=0.0):
        self._looked_at = looked_at
        self._patience = patience
        self._by_names = {}
        for name, group in on:
            mine = self._by_names.setdefault(frozenset(group), [])
            mine.append((name, group))
        self._indexes = {}

    def by(self, group):
        """
        :returns: name of a definition that has an alarm which inhibits one
            of this group, or None
        """
        for names in self._by_names:
            shared = tuple(sorted(names & set(group)))
            values = tuple(group[name] for name in shared)
            found = self._index(names, shared).get(values)
            if found is not None:
                return found
        return None

    def is_to_wait(self, since, now):
        """Whether a page waits: what inhibits may have begun before it, and
        was not looked at since.

        :param since: when the alarm changed last
        """
        return self._looked_at < since and now - since < self._patience

    def _index(self, names, shared):
        """Of alarms whose groups have the same dimensions, names by their
        values of some of these."""
        key = names, shared
        if key not in self._indexes:
            index = self._indexes[key] = {}
            for name, group in self._by_names[names]:
                index.setdefault(tuple(group[one] for one in shared), name)
        return self._indexes[key]
