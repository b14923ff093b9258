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

"""What was sent where, and what could not be."""

from sentinella.api import resource
from sentinella.api import times
from sentinella.api.expose import expose
from sentinella.api.schemas import notifications as schemas
from sentinella.db import attempts
from sentinella.db import notifications
from sentinella.policies import notifications as rules


class Notifications(resource.Resource):
    @expose('GET', policy=rules.LIST, query=schemas.LIST)
    def list_(self, asked):
        with self.parts.database.reader() as session:
            found = notifications.list_(
                session,
                project_id=asked.visible,
                **asked.filters,
                **asked.paging,
            )
        return asked.page('notifications', found, view)

    @expose('GET {notification_id}', policy=rules.SHOW)
    def show(self, asked, notification_id):
        with self.parts.database.reader() as session:
            found = notifications.get(session, notification_id, asked.visible)
            ids = [found.uuid, found.digest_id]
            record = attempts.of_message(session, [i for i in ids if i])
        return {**view(found), 'record': [view_attempt(a) for a in record]}

    @expose(
        'POST {notification_id}/resend',
        policy=rules.RESEND,
        body=schemas.RESEND,
    )
    def resend(self, asked, notification_id):
        with self.parts.database.writer() as session:
            changed = notifications.resend(
                session, notification_id, asked.user, asked.visible
            )
        return view(changed)


def view(notification):
    return {
        'id': notification.uuid,
        'alarm_id': notification.alarm.uuid,
        'channel_id': notification.channel.uuid,
        'channel': notification.channel.name,
        'transition_id': notification.transition.uuid,
        'kind': notification.kind,
        'to_state': notification.transition.to_state,
        'state': notification.state,
        'attempts': notification.attempts,
        'created_at': times.show(notification.created_at),
        'next_attempt_at': times.show(notification.next_attempt_at),
        'delivered_at': times.show(notification.delivered_at),
        'last_error': notification.last_error,
        'waits_for': notification.waits_for,
        'digest_id': notification.digest_id,
        'resent_by': notification.resent_by,
    }


def view_attempt(attempt):
    return {
        'message_id': attempt.message_id,
        'at': times.show(attempt.at),
        'seconds': round(attempt.seconds, 6),
        'outcome': attempt.outcome,
        'answer': attempt.answer,
    }
