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

"""What crosses the bus, and how.

RPC versions are 1.x: add-only. Servers are upgraded before agents and take
what older agents send.
"""

import oslo_messaging as messaging

from sentinella import exceptions

#: Topics; every callee listens on one.
CONDUCTOR_TOPIC = 'sentinella-conductor'
EVALUATOR_TOPIC = 'sentinella-evaluator'
TOPICS = (CONDUCTOR_TOPIC, EVALUATOR_TOPIC)


#: The bus of one process: standalone's, and that of tests.
IN_PROCESS = 'fake://'


def get_transport(conf, url=None):
    """Open the bus; only after a fork, never at import.

    :param url: None for the cloud's own RabbitMQ, as `[DEFAULT]
        transport_url` names it
    :raises InvalidConfiguration: it can't be used
    """
    try:
        return messaging.get_rpc_transport(conf, url)
    except (
        messaging.DriverLoadFailure,
        messaging.InvalidTransportURL,
        ImportError,
        ValueError,
    ):
        # their text may hold a password
        raise exceptions.InvalidConfiguration(
            '[DEFAULT] transport_url is not a URL like '
            'rabbit://user:password@host:5672/'
        )


def get_client(transport, topic, version, timeout=None, retry=None):
    """
    :param version: lowest version of the callee that will do
    :param timeout: seconds to wait for an answer
    :param retry: times to try to reach the bus; None for ever
    """
    return messaging.get_rpc_client(
        transport,
        messaging.Target(topic=topic, version=version),
        timeout=timeout,
        retry=retry,
    )


def wait_calmly():
    """Have whoever waits for answers wake up less often; for the agent.

    After each answer oslo.messaging's thread wakes a dozen times, after 1 ms,
    2 ms and so on up to 5 s, to acknowledge what a server has handled. A
    client has nothing to acknowledge then, and that was a quarter of what the
    agent costs its node.
    """
    try:
        from oslo_messaging._drivers import amqpdriver
    except ImportError:
        # it is none of what the library promises
        return
    amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MIN = (
        amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MAX
    )


def get_server(transport, topic, host, endpoint):
    """
    :param endpoint: an object whose public methods are the callee
    """
    return messaging.get_rpc_server(
        transport,
        messaging.Target(topic=topic, server=host),
        [endpoint],
        access_policy=messaging.ExplicitRPCAccessPolicy,
    )
