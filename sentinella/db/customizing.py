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

"""What people change in built-in definitions, and what upgrades change in
them: pure.

What somebody changed stays, field by field, and what is shipped instead is
noted with it. Only what decides about an alarm stays as a whole: a threshold
of one release would say nothing with another one's expression.
"""

import dataclasses

#: Fields that together decide whether there is an alarm, and which.
DECIDING = ('expression', 'type', 'severity', 'tiers', 'match_by')

#: Fields that a built-in definition is shipped with.
SHIPPED = (
    *DECIDING,
    'inhibited_by',
    'releases',
    'description',
    'cause',
    'remedy',
    'enabled',
)


def changed(known, wanted):
    """A built-in definition that a person changes.

    :param known: as it is; :param wanted: as it is to be
    :returns: `wanted`, with what is customized in it
    """
    customizations = {}
    for name in SHIPPED:
        note = known.customizations.get(name)
        shipped = note['is'] if note else plain(known, name)
        value = plain(wanted, name)
        if value == shipped:
            continue
        if note and value == plain(known, name):
            customizations[name] = note
        else:
            customizations[name] = {'was': shipped, 'is': shipped}
    return _customized(wanted, customizations)


def upgraded(present, shipped):
    """A built-in definition once another release is there.

    One that was customized before it was noted what in it counts as changed
    in each field that differs; what had been shipped is not known then.

    :param shipped: as that release has it
    :returns: AlarmDefinition
    """
    customizations = {}
    unknown = present.customized and not present.customizations
    differ = {
        name
        for name in SHIPPED
        if plain(present, name) != plain(shipped, name)
    }
    mine = differ if unknown else differ & set(present.customizations)
    if mine & set(DECIDING):
        mine |= differ & set(DECIDING)
    for name in mine:
        note = present.customizations.get(name)
        was = None if unknown else plain(present, name)
        customizations[name] = {
            'was': note['was'] if note else was,
            'is': plain(shipped, name),
        }
    theirs = {
        name: getattr(shipped, name) for name in SHIPPED if name not in mine
    }
    return _customized(dataclasses.replace(present, **theirs), customizations)


def _customized(definition, customizations):
    return dataclasses.replace(
        definition,
        customized=bool(customizations),
        customizations={
            name: customizations[name]
            for name in SHIPPED
            if name in customizations
        },
    )


def plain(definition, name):
    """A field's value as JSON has it."""
    value = getattr(definition, name)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return dict(value)
    return str(value) if isinstance(value, str) else value
