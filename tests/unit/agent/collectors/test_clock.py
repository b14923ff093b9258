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

import math

from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella.agent.collectors import clock

TRACKING = (
    '{ref},{ref},2,1795355560.904400615,{offset},0.000000021,0.000000243,'
    '-0.318,0.012,0.697,0.000005859,0.000001047,64.1,{leap}\n'
)


class TestChrony(base.BaseTestCase):
    def read(self, offset, leap):
        return clock.read_tracking(
            TRACKING.format(ref='7F000001', offset=offset, leap=leap)
        )

    def test_what_it_prints(self):
        # it says how far the clock is behind
        self.assertEqual((-4.5, True), self.read('4.500000000', 'Normal'))
        self.assertEqual((0.25, True), self.read('-0.25', 'Insert second'))
        offset, synchronised = self.read('0.000000000', 'Not synchronised')
        self.assertTrue(math.isnan(offset))
        self.assertFalse(synchronised)

    @given(strategies.text(',0123456789.-naif\n'))
    def test_whatever_it_prints(self, text):
        for line in (text, f'{"0," * 13}{text}'):
            found = clock.read_tracking(line)
            if found is not None:
                self.assertEqual(14, len(line.strip().split(',')))


class TestKernel(base.BaseTestCase):
    def ask(self, returned=0, **fields):
        def adjtimex(reference):
            timex = reference._obj
            self.assertEqual(0, timex.modes)
            for name, value in fields.items():
                setattr(timex, name, value)
            return returned

        return clock.ask_kernel(adjtimex)

    def test_what_it_tells(self):
        for fields, expected in (
            ({'offset': 1500, 'status': 0x1}, (-0.0015, True)),
            ({'offset': -1500, 'status': 0x2001}, (0.0000015, True)),
        ):
            self.assertEqual(expected, self.ask(**fields))

    def test_nothing_keeps_it(self):
        offset, synchronised = self.ask(offset=7, status=0x40, returned=5)
        self.assertTrue(math.isnan(offset))
        self.assertFalse(synchronised)

    def test_it_may_not_be_asked(self):
        self.assertTrue(all(map(math.isnan, self.ask(returned=-1))))

    def test_this_very_one_answers(self):
        _, synchronised = clock.ask_kernel()
        self.assertIn(synchronised, (True, False))
