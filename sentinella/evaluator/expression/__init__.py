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

"""The language of alarm definitions.

`reader` reads it, and `tree` holds what was read; what it means is in
:mod:`sentinella.evaluator.rules`.
"""

from sentinella.evaluator.expression.reader import parse
from sentinella.evaluator.expression.tiers import metrics
from sentinella.evaluator.expression.tiers import tiers
from sentinella.evaluator.expression.tree import Expression

__all__ = ('Expression', 'metrics', 'parse', 'tiers')
