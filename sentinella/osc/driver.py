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

"""How notifications can be delivered."""

from osc_lib.command import command

from sentinella.osc import base
from sentinella.osc import columns


class Settings(columns.Lines):
    """One setting a line, such as: url (needed): Where to post to."""

    def line(self, item):
        name, text, marks = item
        return f'{name}{f" ({marks})" if marks else ""}: {text}'

    def machine_readable(self):
        return {name: text for name, text, _ in self._value}


def settings(driver):
    """
    :returns: list of (name, what it is for, what is special about it)
    """
    schema = driver['schema'] or {}
    needed = schema.get('required', [])
    known = schema.get('properties', {})
    return [
        (
            name,
            _text(known[name]),
            ', '.join(
                ['needed'] * (name in needed)
                + ['secret'] * (name in driver['secrets'])
            ),
        )
        for name in sorted(known, key=lambda name: (name not in needed, name))
    ]


def _text(schema):
    title = schema.get('title', '')
    return schema.get('description') or title or schema.get('type', '')


class ListDriver(base.Command, command.Lister):
    """List the drivers that channels may have"""

    def take_action(self, args):
        drivers = self.client.get('drivers')['drivers']
        return (
            ('Name', 'Description', 'Settings', 'Not Available'),
            [
                (
                    driver['name'],
                    driver['description'],
                    columns.Words([name for name, *_ in settings(driver)]),
                    driver['unavailable'] or '',
                )
                for driver in drivers
            ],
        )


class ShowDriver(base.Command, command.ShowOne):
    """Show a driver and the settings that its channels take"""

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument('driver', metavar='<driver>', help='Its name')
        return parser

    def take_action(self, args):
        driver = self.client.find('drivers', 'drivers', args.driver)
        return (
            ('name', 'description', 'settings', 'unavailable'),
            (
                driver['name'],
                driver['description'],
                Settings(settings(driver)),
                driver['unavailable'],
            ),
        )
