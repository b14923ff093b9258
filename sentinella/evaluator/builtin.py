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

from sentinella import exceptions
from sentinella.db import builtin
from sentinella.db import clock
from sentinella.evaluator import expression
from sentinella.knowledge import definitions as knowledge


def install(database):
    """Bring the built-in definitions to those of this release.

    What a person changed stays as it is.

    :returns: a :class:`sentinella.db.builtin.Synced`
    :raises InvalidConfiguration: one of them can't be used; names the file,
        the definition, the tier and the column
    """
    shipped = [
        (entry.definition, _metrics(entry)) for entry in knowledge.entries()
    ]
    return database.write(
        lambda session: builtin.sync(session, shipped, clock.read(session))
    )


def _metrics(entry):
    try:
        return expression.metrics(entry.definition)
    except exceptions.InvalidInput as error:
        raise exceptions.InvalidConfiguration(
            f'{entry.source}, {entry.definition.name}, {error}'
        )
