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

"""How results look on a terminal, and for programs."""

import rich.box
import rich.console
import rich.table


def table(*names):
    made = rich.table.Table(box=rich.box.SIMPLE, header_style='bold')
    for name in names:
        made.add_column(name, overflow='fold')
    return made


def show(thing):
    """Print a table, as wide as need be where no person looks at it."""
    console = rich.console.Console()
    if not console.is_terminal:
        console = rich.console.Console(width=240)
    console.print(thing)
