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

"""Has modules imported when they are first used, not when they are named.

Libraries import others for what hardly anybody asks of them: wrapt all of
asyncio, for decorators of coroutines; oslo.config rfc3986, for options of a
type that none of ours has. In an agent on each node that is memory for
nothing.
"""

import importlib
import sys
import types


def postpone(*names):
    """Have modules imported by the first who looks into them.

    A module that is imported already stays as it is.
    """
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = _Postponed(name)


class _Postponed(types.ModuleType):
    """Stands in for a module until then.

    :class:`importlib.util.LazyLoader` is no help: its module is loaded as
    soon as somebody imports it a second time.
    """

    def __getattr__(self, attribute):
        name = self.__name__
        if sys.modules.get(name) is self:
            del sys.modules[name]
        module = importlib.import_module(name)
        # for those who hold this one
        self.__dict__.update(module.__dict__)
        return getattr(module, attribute)
