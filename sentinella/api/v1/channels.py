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

"""Where notifications go."""

import dataclasses
import uuid

from sentinella import exceptions
from sentinella import model
from sentinella import plugins
from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import channels as schemas
from sentinella.db import channels
from sentinella.notifier import message
from sentinella.policies import channels as rules

DRIVERS = 'sentinella.notifiers'

#: Shown for a secret; where it comes back, the secret stays what it was.
HIDDEN = '***'


class Channels(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = channels.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('channels', found, view)

    @expose('GET {channel_id}', policy=rules.SHOW)
    def show(self, asked, channel_id):
        with self.parts.database.reader() as session:
            return view(channels.get(session, channel_id, asked.visible))

    @expose('POST', policy=rules.CREATE, body=schemas.CREATE, status=201)
    def create(self, asked):
        mine = asked.context.project_id
        fields = {'project_id': mine, **_fields(asked.body)}
        channel = model.Channel(uuid=str(uuid.uuid4()), **fields)
        if channel.project_id != mine:
            asked.authorize(rules.ANY_PROJECT, channel.project_id)
        _check_settings(channel)
        with self.parts.database.writer() as session:
            return view(channels.create(session, channel, asked.now))

    @expose('PATCH {channel_id}', policy=rules.UPDATE, body=schemas.UPDATE)
    def update(self, asked, channel_id):
        with self.parts.database.writer() as session:
            old = channels.get(session, channel_id, asked.visible)
            new = _changed(old, _fields(asked.body))
            if new.project_id != old.project_id:
                asked.authorize(rules.ANY_PROJECT, new.project_id)
            _check_settings(new)
            return view(channels.update(session, new, asked.now))

    @expose('DELETE {channel_id}', policy=rules.DELETE, status=204)
    def delete(self, asked, channel_id):
        with self.parts.database.writer() as session:
            channels.delete(session, channel_id, asked.visible)

    @expose('POST {channel_id}/test', policy=rules.TEST, body=schemas.TEST)
    def test(self, asked, channel_id):
        with self.parts.database.reader() as session:
            channel = channels.get(session, channel_id, asked.visible)
        # outside of any transaction: the other end may take its time
        driver = plugins.load(DRIVERS, channel.driver, self.parts.conf)
        driver.send(channel.settings, message.test(channel, asked.now))
        return {'delivered': True}


def _fields(body):
    """A channel's fields of a body's."""
    fields = dict(body)
    if 'min_severity' in fields:
        fields['min_severity'] = model.Severity(fields['min_severity'])
    return fields


def _changed(old, fields):
    new = dataclasses.replace(old, **fields)
    if new.driver != old.driver:
        return new
    secrets = _driver(new.driver).secrets
    # to another address they would be sent for whoever wants to know them
    if _without(secrets, new.settings) != _without(secrets, old.settings):
        return new
    kept = {
        name: old.settings[name]
        for name in secrets
        if name in old.settings and new.settings.get(name) == HIDDEN
    }
    return dataclasses.replace(new, settings={**new.settings, **kept})


def _without(secrets, settings):
    return {k: v for k, v in settings.items() if k not in secrets}


def _check_settings(channel):
    driver = _driver(channel.driver)
    for name in driver.secrets:
        if channel.settings.get(name) == HIDDEN:
            raise exceptions.InvalidInput(
                f'settings.{name}: expected its value, {HIDDEN} keeps one '
                'only while no other setting changes'
            )
    driver.check(channel.settings)


def _driver(name):
    try:
        return plugins.load_class(DRIVERS, name)
    except exceptions.InvalidConfiguration as error:
        raise exceptions.InvalidInput(f'driver: {error}')


def view(channel):
    return {
        'id': channel.uuid,
        'name': channel.name,
        'driver': channel.driver,
        'settings': _shown(channel),
        'min_severity': channel.min_severity,
        'enabled': channel.enabled,
        'project_id': channel.project_id,
        'created_at': times.show(channel.created_at),
        'updated_at': times.show(channel.updated_at),
    }


def _shown(channel):
    try:
        secrets = plugins.load_class(DRIVERS, channel.driver).secrets
    except exceptions.InvalidConfiguration:
        # nobody is left who knows which of them are secrets
        secrets = tuple(channel.settings)
    return {
        name: HIDDEN if name in secrets else value
        for name, value in channel.settings.items()
    }
