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

"""Whether the APIs answer, and how soon."""

import contextlib
import http.client
import math
import ssl
import time
import urllib.parse

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import dialogue
from sentinella.agent.asking import endpoints
from sentinella.agent.asking import probing
from sentinella.agent.asking import targets
from sentinella.agent.asking import tls
from sentinella.agent.asking import web

#: Listening sockets of one service that are asked.
BACKENDS = 4
#: APIs that bring a web server of their own along.
_WITHOUT_WSGI = {
    'ironic-inspector',
    'neutron-server',
    'swift-account-server',
    'swift-container-server',
    'swift-object-server',
    'swift-proxy-server',
    'tacker-server',
}
#: How a server that expects TLS ends a conversation that begins without.
_WANTS_TLS = (http.client.BadStatusLine, ConnectionResetError)


class ApiCollector(base.Collector):
    """Whether the APIs answer, and how soon.

    It asks each API on this node where its processes listen, behind any load
    balancer: ``endpoint`` is ``local``. So that a virtual address is asked as
    well, name it in `endpoints` (``configured``), or set an `auth_type` and
    its options, as for keystonemiddleware: the endpoints of Keystone's
    catalog are asked then (``public``, ``internal``, ``admin``). One or two
    nodes that do so are enough.

    It asks for ``/``, or for the path that an endpoint has, without a token,
    on a new connection. Any answer below 500 says that the API is up, 401
    and 300 included. A ``/healthcheck`` would tell more, but not all
    deployments have one, it may be disabled on purpose, and an answer to
    ``/`` has gone through the same server and middleware.
    """

    PROBES = True
    OPTIONS = (
        cfg.ListOpt(
            'endpoints',
            default=[],
            help='Further endpoints to ask, each as service=url.',
        ),
        targets.timeout_option(5.0),
        cfg.StrOpt(
            'auth_type',
            help='Type of the credentials that read the catalog, such as '
            'password or v3applicationcredential; its own options go beside '
            'it. The catalog is not read without.',
        ),
        cfg.StrOpt(
            'cafile',
            help='Certificates (PEM) of the authorities that Keystone is '
            "trusted by; the system's if not given.",
        ),
    )
    METRICS = {
        'api.up': 'Whether it answered with a status below 500: 1 or 0; by '
        'service and endpoint, as all of these',
        'api.seconds': 'Time to connect and until its answer began, s',
        'api.status': 'HTTP status of the answer',
        'certificate.days_left': 'Days until its certificate expires, where '
        'it has one; by target (host:port) besides',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._configured = [
            (name, 'configured', url)
            for name, url in targets.read(
                conf, self.group(), 'endpoints', targets.named_url
            )
        ]
        self._catalog = None
        if self.options.auth_type:
            self._catalog = endpoints.Endpoints(
                conf, self.group(), self.options.timeout
            )
        self._context = web.unverified()
        self._known = {}
        self._answered = set()
        self._with_tls = set()

    def wanted(self):
        return bool(self._configured or self._catalog or self._apis())

    def _apis(self):
        return [s for s in list(self.node.services.values()) if is_api(s.kind)]

    def collect(self, now):
        began = time.monotonic()
        apis = self._apis()
        asked = self._configured + self._local(apis) + self._listed(now)
        outcomes = probing.each(
            self._ask, asked, probing.DEADLINE - (time.monotonic() - began)
        )
        # an API that listens nowhere that we know of can't be asked
        found = {(service.name, 'local'): [] for service in apis}
        for target, outcome in zip(asked, outcomes, strict=True):
            result = self._result(target, outcome)
            found.setdefault(target[:2], []).append(result)
        if not found:
            raise exceptions.Lacking(
                'there is no endpoint to ask',
                'see why the catalog can not be read',
            )
        for (name, endpoint), results in found.items():
            yield from _samples(name, endpoint, results, now)

    def _listed(self, now):
        """What the catalog has; a Keystone that hangs keeps nobody waiting
        for longer than any other API does."""
        if self._catalog is None:
            return []
        probing.each(self._catalog.refresh, [now], self.options.timeout)
        return self._catalog.found

    def _local(self, services):
        return [
            (service.name, 'local', f'http://{address}/')
            for service in services
            for address in self._addresses(service)
        ]

    def _addresses(self, service):
        """Where it listens; or did, while its processes are gone; or else
        would by default."""
        found = self._listeners(service)
        if found:
            self._known[service.name] = found
        guess = [('127.0.0.1', port) for port in service.kind.ports]
        found = self._known.get(service.name, guess)
        return [targets.address_text(*pair) for pair in found[:BACKENDS]]

    def _listeners(self, service):
        found = sorted(
            {
                dialogue.reachable(*pair)
                for pair in self.node.listeners_of(service.name)
            }
        )
        # a web server shares its sockets with others' APIs
        own = [pair for pair in found if pair[1] in service.kind.ports]
        return own or found

    def _ask(self, target):
        """
        :returns: a :class:`web.Answer`
        :raises OSError, http.client.HTTPException: there is none
        """
        _, endpoint, url = target
        if endpoint != 'local':
            return self._get(url)
        with_tls = url.replace('http:', 'https:', 1)
        if url in self._with_tls:
            try:
                return self._get(with_tls)
            except ssl.SSLError:
                self._with_tls.discard(url)
        try:
            answer = self._get(url)
        except _WANTS_TLS:
            answer = None
        if answer is None or _is_about_tls(answer):
            return self._begin_tls(url, with_tls, answer)
        return answer

    def _begin_tls(self, url, with_tls, answer):
        try:
            secure = self._get(with_tls)
        except OSError:
            if answer is None:
                raise
            return answer
        self._with_tls.add(url)
        return secure

    def _get(self, url):
        return web.get(url, self.options.timeout, self._context)

    def _result(self, target, outcome):
        """
        :returns: (whether it is up, Answer or None, URL)
        """
        name, endpoint, url = target
        up = probing.up(outcome)
        if up == 1:
            self._answered.add(url)
            return float(outcome.status < 500), outcome, url
        certain = (
            endpoint != 'local' or name in self._known or url in self._answered
        )
        return up if certain else base.NAN, None, url


def is_api(kind):
    """Whether a kind of service is one that HTTP is spoken with."""
    return bool(kind.wsgi) or kind.name in _WITHOUT_WSGI


def _is_about_tls(answer):
    """Whether a server says that we should have begun with TLS."""
    return answer.status == 400 and (
        b'HTTPS' in answer.body or b'SSL' in answer.body
    )


def _samples(name, endpoint, results, now):
    """Of several that are one service, the worst."""
    dimensions = {'service': name, 'endpoint': endpoint}
    ups = [up for up, _, _ in results] or [base.NAN]
    answers = [answer for _, answer, _ in results if answer is not None]
    unknown = any(map(math.isnan, ups)) and 0 not in ups
    up = base.NAN if unknown else min(u for u in ups if not math.isnan(u))
    seconds = max((a.seconds for a in answers), default=base.NAN)
    status = max((a.status for a in answers), default=base.NAN)
    yield base.sample('api.up', up, **dimensions)
    yield base.sample('api.seconds', round(seconds, 6), **dimensions)
    yield base.sample('api.status', status, **dimensions)
    for target, end in _certificates(results).items():
        days = tls.days_left(end, now)
        yield base.sample(
            'certificate.days_left', days, target=target, **dimensions
        )


def _certificates(results):
    """
    :returns: {host:port: when its certificate expires}
    """
    found = {}
    for _, answer, url in results:
        if answer is not None and answer.certificate:
            # one that OpenSSL takes and is none by the letter
            with contextlib.suppress(ValueError):
                target = urllib.parse.urlsplit(url).netloc
                found[target] = tls.expiry(answer.certificate)
    return found
