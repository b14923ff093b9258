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

"""What kind of samples a metric has, as its name tells."""

import re

from sentinella import model

#: Names whose samples are a state: it is so, or it is not.
STATES = re.compile(
    r'.+(\.(up|read_only|synchronised|trusted|primary|synced|streaming|applied'
    r'|connected|northd_active|raft_leader|raft_has_leader'
    r'|enabled|available|auto_disabled)|_alarm)'
)

#: Names whose samples count what happened since the sample before.
COUNTS = re.compile(
    r'log\..+|.+\.(restarts|errors|deadlocks|evictions|refusals|unroutable'
    r'|slow_queries|aborted_connects|certification_failures|datapath_missed'
    r'|datapath_lost|raft_elections)'
)


def type_of(name):
    """
    :returns: ThresholdType; GAUGE for a name that tells nothing
    """
    if STATES.fullmatch(name):
        return model.ThresholdType.BINARY
    if COUNTS.fullmatch(name):
        return model.ThresholdType.TAILABLE
    return model.ThresholdType.GAUGE
