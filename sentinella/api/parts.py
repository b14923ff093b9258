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

"""What every part of the API works with."""

import dataclasses

from oslo_config import cfg
from oslo_policy import policy

from sentinella import vault
from sentinella.api import streams
from sentinella.db import database
from sentinella.ingest import intake
from sentinella.storage import base


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    conf: cfg.ConfigOpts
    database: database.Database
    storage: base.Storage
    enforcer: policy.Enforcer
    ingest: intake.Ingest
    streams: streams.Streams
    vault: vault.Vault
