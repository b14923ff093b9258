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

"""Run by alembic; :mod:`sentinella.db.migration` hands it the connection."""

from alembic import context

from sentinella.db import models

connection = context.config.attributes['connection']
if connection.dialect.name == 'sqlite':
    # to change a table there is to copy and to drop it, and with it would go
    # all rows that refer to its own; has no effect inside of a transaction
    connection.connection.driver_connection.execute(
        'PRAGMA foreign_keys = OFF'
    )
context.configure(
    connection=connection,
    target_metadata=models.METADATA,
    compare_type=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
