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

"""Puts the alarm definitions that Sentinella comes with into the database."""

from sentinella.db import clock
from sentinella.db import definitions
from sentinella.evaluator import expression
from sentinella.knowledge import definitions as knowledge


def install(database):
    """Bring the built-in definitions to those of this release.

    What a person changed stays as it is.

    :returns: how many were added, and how many updated
    """
    shipped = [
        (definition, expression.parse(definition.expression).metrics)
        for definition in knowledge.load()
    ]
    return database.write(
        lambda session: definitions.sync_builtin(
            session, shipped, clock.read(session)
        )
    )
