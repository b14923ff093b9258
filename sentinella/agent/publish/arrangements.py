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

"""Remembers how the samples of frames were put in order."""

from sentinella import model

#: How many are remembered: of a tick with what was probed and without, of a
#: death, of errors in logs.
KNOWN = 8


class Arrangements:
    """Spares the work for metrics that come time and again: to put hundreds
    in order and to make a digest of them takes longer than all the rest that
    is done for a frame.
    """

    def __init__(self):
        self._known = []

    def of(self, metrics):
        """
        :returns: as :func:`sentinella.model.arrange`
        """
        for known, arranged in self._known:
            if known == metrics:
                return arranged
        arranged = model.arrange(metrics)
        self._known = [(metrics, arranged), *self._known][:KNOWN]
        return arranged
