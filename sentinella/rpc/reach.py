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

"""Says whether the message bus lets us in, and whether anyone is there."""

import dataclasses
import ssl

import amqp
import oslo_messaging as messaging

from sentinella import exceptions
from sentinella.rpc import transport


FAILURES = (amqp.AMQPError, OSError, ValueError)


@dataclasses.dataclass(frozen=True, slots=True)
class Reached:
    """
    :ivar where: host and port of the broker that let us in; '' for the bus
        inside of one process
    :ivar listeners: how many conductors wait for reports there, or None
    """

    where: str
    listeners: int | None


def reach(conf, timeout):
    """Connect to the bus of `[DEFAULT] transport_url`, look around, leave.

    :param timeout: seconds to wait for each of its hosts
    :raises InvalidConfiguration: the URL can't be used
    :raises BusUnavailable: no host let us in; names each, and why
    """
    bus = transport.get_transport(conf)
    bus.cleanup()
    url = messaging.TransportURL.parse(conf, conf.transport_url)
    if url.transport == transport.IN_PROCESS.partition(':')[0]:
        return Reached('', None)
    if url.transport not in ('rabbit', 'amqp'):
        raise exceptions.InvalidConfiguration(
            f'[DEFAULT] transport_url: expected rabbit://, got '
            f'{url.transport}://'
        )
    problems = []
    for host in url.hosts:
        where = address(host)
        try:
            return Reached(where, _visit(conf, url, host, where, timeout))
        except FAILURES as error:
            problems.append(f'{where}: {_reason(error)}')
    raise exceptions.BusUnavailable('; '.join(problems) or 'it names no host')


def address(host):
    """
    :returns: name and port of a TransportURL's host
    """
    name = f'[{host.hostname}]' if ':' in host.hostname else host.hostname
    return f'{name}:{host.port or 5672}'


def _visit(conf, url, host, where, timeout):
    """
    :returns: how many listen
    """
    connection = connection_to(conf, url, host, where, timeout)
    with connection:
        return listeners(connection, transport.CONDUCTOR_TOPIC)


def connection_to(conf, url, host, where, timeout):
    """
    :param url: TransportURL; :param host: one of its hosts
    :param where: its name and port
    :returns: amqp.Connection, to be used as a context
    """
    rabbit = conf.oslo_messaging_rabbit
    return amqp.Connection(
        host=where,
        userid=host.username or 'guest',
        password=host.password or 'guest',
        login_method=rabbit.rabbit_login_method,
        virtual_host=url.virtual_host or '/',
        connect_timeout=timeout,
        read_timeout=timeout,
        write_timeout=timeout,
        ssl=_ssl(rabbit, host),
    )


def listeners(connection, queue):
    """
    :returns: how many take what is put into a queue
    """
    try:
        with connection.channel() as channel:
            return channel.queue_declare(queue, passive=True).consumer_count
    except amqp.NotFound:
        return 0


def _ssl(rabbit, host):
    """As oslo.messaging's driver has it."""
    if not rabbit.ssl:
        return False
    found = {'keyfile': rabbit.ssl_key_file, 'certfile': rabbit.ssl_cert_file}
    if rabbit.ssl_ca_file:
        found['ca_certs'] = rabbit.ssl_ca_file
        found['cert_reqs'] = ssl.CERT_REQUIRED
        found['server_hostname'] = host.hostname
    return {name: value for name, value in found.items() if value} or True


def _reason(error):
    """In a few words, without what was sent."""
    if isinstance(error, amqp.AccessRefused):
        return 'it does not accept the user name and password'
    if isinstance(error, amqp.NotAllowed):
        return 'the user may not use this virtual host'
    if isinstance(error, TimeoutError):
        return 'no answer in time'
    text = getattr(error, 'strerror', None) or str(error)
    return text or type(error).__name__
