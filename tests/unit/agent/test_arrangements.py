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

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from sentinella import model
from sentinella.agent.publish import arrangements

METRICS = st.lists(
    st.builds(
        lambda name, one: model.Metric.of(name, service=one),
        st.sampled_from(('a', 'b', 'c')),
        st.sampled_from(('x', 'y', 'z')),
    ),
    min_size=1,
    max_size=6,
    unique=True,
)


class TestArrangements(base.BaseTestCase):
    @hypothesis.given(st.lists(METRICS, max_size=30))
    def test_frames_are_what_they_would_be(self, several):
        known = arrangements.Arrangements()
        for at, metrics in enumerate(several):
            samples = [
                model.Sample(metric, float(number))
                for number, metric in enumerate(metrics)
            ]
            frame = model.Frame.of(at, samples, known.of(metrics))
            self.assertEqual(model.Frame.of(at, samples), frame)
            self.assertEqual(
                dict(
                    zip(frame.metrics, model.unpack(frame.values), strict=True)
                ),
                {sample.metric: sample.value for sample in samples},
            )
            self.assertLessEqual(len(known._known), arrangements.KNOWN)
