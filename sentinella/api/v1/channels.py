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
from sentinella.api import drivers
from sentinella.api import resource
from sentinella.api import subscriptions
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import channels as schemas
from sentinella.db import channels
from sentinella.notifier import base
from sentinella.notifier import composer
from sentinella.notifier import hiding
from sentinella.policies import channels as rules


class Channels(resource.Resource):
    def __init__(self, parts):
        super().__init__(parts)
        self._drivers = drivers.Drivers(parts.conf)
        self._composer = composer.Composer(parts.conf, parts.database)

    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = channels.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('channels', found, self._view)

    @expose('GET {channel_id}', policy=rules.SHOW)
    def show(self, asked, channel_id):
        with self.parts.database.reader() as session:
            found = channels.get(session, channel_id, asked.visible)
        return self._view(found)

    @expose('POST', policy=rules.CREATE, body=schemas.CREATE, status=201)
    def create(self, asked):
        mine = asked.context.project_id
        fields = {'project_id': mine, **subscriptions.fields(asked.body)}
        channel = model.Channel(uuid=str(uuid.uuid4()), **fields)
        if channel.project_id != mine:
            asked.authorize(rules.ANY_PROJECT, channel.project_id)
        self._check_owner(channel)
        _check_settings(channel.driver, channel.settings)
        self._check_templates(channel.settings, asked.now)
        channel = self._sealed(channel, channel.settings)
        with self.parts.database.writer() as session:
            subscriptions.check(session, channel)
            return self._view(channels.create(session, channel, asked.now))

    @expose('PATCH {channel_id}', policy=rules.UPDATE, body=schemas.UPDATE)
    def update(self, asked, channel_id):
        fields = subscriptions.fields(asked.body)
        # outside of any transaction: a template may take its time
        self._check_templates(fields.get('settings', {}), asked.now)
        with self.parts.database.writer() as session:
            # locked, so that settings which are sealed anew stay so
            old = channels.get(session, channel_id, asked.visible, lock=True)
            new = dataclasses.replace(old, **fields)
            if new.project_id != old.project_id:
                asked.authorize(rules.ANY_PROJECT, new.project_id)
            if (new.driver, new.project_id) != (old.driver, old.project_id):
                self._check_owner(new)
            if 'settings' in fields or new.driver != old.driver:
                new = self._sealed(new, self._settings(old, new, fields))
            subscriptions.check(session, new, old)
            return self._view(channels.update(session, new, asked.now))

    @expose('DELETE {channel_id}', policy=rules.DELETE, status=204)
    def delete(self, asked, channel_id):
        with self.parts.database.writer() as session:
            channels.delete(session, channel_id, asked.visible)

    @expose('POST {channel_id}/test', policy=rules.TEST, body=schemas.TEST)
    def test(self, asked, channel_id):
        with self.parts.database.reader() as session:
            channel = channels.get(session, channel_id, asked.visible)
        self._check_owner(channel)
        settings = self.parts.vault.open(channel.settings)
        # outside of any transaction: the other end may take its time
        composed = self._composer.test(channel, settings, asked.now)
        answer, seconds = self._drivers.send(
            channel.driver, settings, composed.message
        )
        answer = '; '.join(filter(None, (answer, composed.note)))
        return {'delivered': True, 'answer': answer, 'seconds': seconds}

    def _check_owner(self, channel):
        base.check_owner(self.parts.conf, channel.driver, channel.project_id)

    def _check_templates(self, settings, now):
        if 'templates' in settings:
            base.Driver.check_templates(settings['templates'])
            self._composer.check(settings, now)

    def _sealed(self, channel, settings):
        return dataclasses.replace(
            channel, settings=self.parts.vault.seal(settings)
        )

    def _settings(self, old, new, fields):
        """The plain settings of a channel that gets others."""
        if 'settings' not in fields:
            # it may take for harmless what the other one kept secret
            raise exceptions.InvalidInput(
                'settings: missing, expected those of the new driver'
            )
        settings = new.settings
        if new.driver == old.driver:
            secrets = drivers.find(new.driver).secrets
            settings = hiding.kept(secrets, settings, self._opened(old))
        _check_settings(new.driver, settings)
        return settings

    def _opened(self, channel):
        """Its settings; those that can't be read can be replaced."""
        try:
            return self.parts.vault.open(channel.settings)
        except exceptions.SecretsUnavailable:
            return {}

    def _view(self, channel):
        return {
            'id': channel.uuid,
            'name': channel.name,
            'driver': channel.driver,
            'settings': self._shown(channel),
            'min_severity': channel.min_severity,
            'enabled': channel.enabled,
            'project_id': channel.project_id,
            **subscriptions.view(channel),
            'created_at': times.show(channel.created_at),
            'updated_at': times.show(channel.updated_at),
        }

    def _shown(self, channel):
        try:
            settings = self.parts.vault.open(channel.settings)
        except exceptions.SecretsUnavailable:
            # all else of it can be seen, and others put in their place
            return None
        try:
            secrets = drivers.find(channel.driver).secrets
        except exceptions.InvalidInput:
            # nobody is left who knows which of them are secrets
            return dict.fromkeys(settings, hiding.HIDDEN)
        return hiding.shown(secrets, settings)


def _check_settings(driver, settings):
    driver = drivers.find(driver)
    for name in hiding.hidden(settings):
        raise exceptions.InvalidInput(
            f'settings.{name}: expected its value, {hiding.HIDDEN} keeps '
            'one only while no other setting changes'
        )
    driver.check(settings)
