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

"""Lists that go on after a marker.

The marker is the last item that was seen, so that what comes or goes
meanwhile shifts nothing.
"""

import sqlalchemy as sa

from sentinella import exceptions


def page(session, query, keys, marker, column, limit, descending=False):
    """
    :param query: selects the whole list, in no order
    :param keys: columns that order it, the last one unique; none of them
        NULL, and all of one table, the one of `column`
    :param marker: value of `column` in the last row that was seen, or None
    :returns: list of rows
    :raises InvalidInput: there is no such marker
    """
    if marker is not None:
        last = session.execute(
            sa.select(*keys).where(column == marker)
        ).one_or_none()
        if last is None:
            raise exceptions.InvalidInput(f'marker {marker!r:.60} is unknown')
        query = query.where(after(keys, last, descending))
    order = [key.desc() if descending else key.asc() for key in keys]
    return session.execute(query.order_by(*order).limit(limit)).all()


def after(keys, last, descending=False):
    """The condition that a row comes later than `last`.

    :param last: as many values as there are keys
    """
    # spelt out, for MariaDB uses no index for (a, b) > (x, y)
    conditions = []
    for i, key in enumerate(keys):
        equal = [k == v for k, v in zip(keys[:i], last[:i], strict=True)]
        later = key < last[i] if descending else key > last[i]
        conditions.append(sa.and_(*equal, later))
    return sa.or_(*conditions)


def given(table, filters):
    """Conditions for those filters that are given.

    :param filters: mapping of column names to values, None for any
    """
    return [
        table.c[name] == value
        for name, value in filters.items()
        if value is not None
    ]
