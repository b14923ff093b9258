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

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.db import customizing


VALUES = {
    'expression': ['last(a) > 1', 'last(a) > 2', 'last(b) > 3'],
    'type': list(model.ThresholdType),
    'severity': list(model.Severity),
    'tiers': [{}, {'critical': 'last(a) > 7'}],
    'match_by': [(), ('server',)],
    'inhibited_by': [(), ('x',)],
    'releases': ['', '>=2024.1'],
    'description': ['d', 'e'],
    'cause': ['c', 'k'],
    'remedy': ['r', 's'],
    'enabled': [True, False],
}


def some(**values):
    return st.fixed_dictionaries(
        {}, optional={n: st.sampled_from(v) for n, v in values.items()}
    )


#: A release ships all of them enabled.
RELEASES = some(**{n: v for n, v in VALUES.items() if n != 'enabled'})
STEPS = st.lists(
    st.tuples(st.just('release'), RELEASES)
    | st.tuples(st.just('person'), some(**VALUES)),
    max_size=8,
)


def first():
    return model.AlarmDefinition(
        uuid='u', name='n', builtin=True,
        **{name: values[0] for name, values in VALUES.items()},
    )  # fmt: skip


class TestCustomizing(base.BaseTestCase):
    @given(STEPS)
    def test_any_course_of_releases_and_changes(self, steps):
        """Against three plain mappings: what is shipped, what a person
        wants, and what was shipped when they said so."""
        present = shipped = first()
        mine, since = {}, {}
        for who, fields in steps:
            if who == 'release':
                shipped = dataclasses.replace(shipped, **fields)
                present = customizing.upgraded(present, shipped)
                self.follow(shipped, present, mine, since)
            else:
                before = present
                wanted = dataclasses.replace(present, **fields)
                present = customizing.changed(present, wanted)
                for name in customizing.SHIPPED:
                    value = getattr(wanted, name)
                    if value == getattr(shipped, name):
                        mine.pop(name, None)
                        since.pop(name, None)
                    elif value != getattr(before, name):
                        mine[name] = value
                        since[name] = getattr(shipped, name)
            self.check(present, shipped, mine, since)

    def follow(self, shipped, present, mine, since):
        """What somebody wants and is shipped by now is nobody's any more,
        and what decides stays as a whole."""
        for name in list(mine):
            if mine[name] == getattr(shipped, name):
                del mine[name], since[name]
        if set(mine) & set(customizing.DECIDING):
            for name in customizing.DECIDING:
                value = getattr(present, name)
                if name not in mine and value != getattr(shipped, name):
                    mine[name] = since[name] = value

    def check(self, present, shipped, mine, since):
        for name in customizing.SHIPPED:
            expected = mine.get(name, getattr(shipped, name))
            self.assertEqual(expected, getattr(present, name), name)
        self.assertEqual(bool(mine), present.customized)
        self.assertEqual(set(mine), set(present.customizations))
        for name, note in present.customizations.items():
            self.assertEqual(
                {
                    'was': customizing.plain(
                        dataclasses.replace(shipped, **{name: since[name]}),
                        name,
                    ),
                    'is': customizing.plain(shipped, name),
                },
                note,
            )

    def test_what_decides_stays_as_a_whole(self):
        changed = customizing.changed(
            first(), dataclasses.replace(first(), severity='info')
        )
        shipped = dataclasses.replace(
            first(), tiers={'critical': 'last(a) > 7'}, remedy='s'
        )
        after = customizing.upgraded(changed, shipped)
        self.assertEqual(({}, 's'), (after.tiers, after.remedy))
        self.assertEqual(['severity', 'tiers'], list(after.customizations))
