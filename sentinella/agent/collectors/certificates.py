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

"""How long certificates are still valid, remote ones and those in files."""

import glob
import os
import socket
import ssl

from oslo_config import cfg

from sentinella.agent import base
from sentinella.agent.asking import probing
from sentinella.agent.asking import targets
from sentinella.agent.asking import tls
from sentinella.agent.asking import web

#: Where deployments keep those of servers. /etc/ssl/certs is not among them:
#: it holds the world's authorities, some of which have always just expired.
USUAL = (
    '/etc/kolla/certificates/*.pem',
    '/etc/kolla/haproxy/*.pem',
    '/etc/haproxy/*.pem',
    '/etc/haproxy/certs/*.pem',
    '/etc/haproxy/ssl/*.pem',
    '/etc/pki/tls/certs/*.crt',
    '/etc/pki/tls/private/overcloud_endpoint.pem',
    '/etc/pki/libvirt*/*cert.pem',
    '/etc/apache2/ssl/*.pem',
    '/etc/nginx/ssl/*.pem',
    '/etc/keystone/ssl/certs/*.pem',
    '/etc/octavia/certs/*.pem',
    '/etc/openvswitch/*.pem',
    '/etc/rabbitmq/*.pem',
    '/etc/rabbitmq/ssl/*.pem',
    '/etc/mysql/ssl/*.pem',
    '/etc/letsencrypt/live/*/cert.pem',
)
#: Files that are read, and bytes of each at most.
FILES = 100
BYTES = 1 << 18
#: Seconds between two looks at a certificate that holds for so many days.
REFRESH = 3600.0
#: Seconds between two searches for files.
SEARCH = 300.0
CALM = 15


class CertificatesCollector(base.Collector):
    """How long certificates are still valid, remote ones and those in files.

    It shakes hands with each of the `targets`, and reads the `files` that it
    may. A certificate is measured whoever signed it; whether this node trusts
    it is told apart. What `certificate.days_left` says of a file is said of
    the one in it that expires first. Certificates of APIs are seen by the
    api collector as well. Files need read permission; those that are found
    where deployments usually keep them, and can't be read, are counted.
    """

    PROBES = True
    OPTIONS = (
        cfg.ListOpt(
            'targets',
            default=[],
            help='Ports that speak TLS from the beginning, each as host:port.',
        ),
        cfg.ListOpt(
            'files',
            help='Patterns (glob) of files with certificates (PEM); where '
            'deployments usually keep them if not given.',
        ),
        targets.timeout_option(),
        cfg.StrOpt(
            'cafile',
            help='Certificates (PEM) of the authorities that are trusted; '
            "the system's if not given.",
        ),
    )
    METRICS = {
        'certificate.days_left': 'Days until it expires, negative once it '
        'has; by target (host:port or path)',
        'certificate.trusted': 'Whether it is valid for its name and signed '
        'by an authority that this node trusts: 1 or 0; by target (host:port)',
        'certificate.unreadable': 'Files with certificates, perhaps, that '
        'the agent may not read',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._targets = targets.read(
            conf, self.group(), 'targets', targets.address
        )
        if self._targets:
            # takes the system's authorities into memory
            self._verified = tls.verified(self.group(), self.options.cafile)
        self._unverified = web.unverified()
        self._remote = {}
        self._local = {}
        self._found_at, self._paths = -SEARCH, []

    def collect(self, now):
        yield from self._of_targets(now)
        yield from self._of_files(now)

    def _of_targets(self, now):
        due = [t for t in self._targets if self._is_due(t, now)]
        for target, outcome in zip(
            due, probing.each(self._ask, due), strict=True
        ):
            failed = isinstance(outcome, Exception)
            end, trusted = (base.NAN, base.NAN) if failed else outcome
            self._remote[target] = now, end, trusted
        for target in self._targets:
            _, end, trusted = self._remote[target]
            name = targets.address_text(*target)
            yield _days(name, end, now)
            yield base.sample('certificate.trusted', trusted, target=name)

    def _is_due(self, target, now):
        at, end, _ = self._remote.get(target, (0.0, base.NAN, None))
        return not (
            at <= now < at + REFRESH and tls.days_left(end, now) > CALM
        )

    def _ask(self, target):
        """
        :returns: (when its certificate expires, whether it is trusted)
        :raises OSError, ValueError: it shows none
        """
        try:
            return self._shake_hands(target, self._verified), 1.0
        except ssl.SSLError:
            return self._shake_hands(target, self._unverified), 0.0

    def _shake_hands(self, target, context):
        timeout = self.options.timeout
        with (
            socket.create_connection(target, timeout) as conn,
            context.wrap_socket(conn, server_hostname=target[0]) as secure,
        ):
            return tls.expiry(secure.getpeercert(binary_form=True))

    def _of_files(self, now):
        if not self._found_at <= now < self._found_at + SEARCH:
            self._found_at, self._paths = now, self._find()
        unreadable = 0
        for path in self._paths:
            try:
                end = self._read(path)
            except (OSError, ValueError):
                unreadable += 1
                # where it was asked for, that it is unknown is worth a line
                end = base.NAN if self.options.files else None
            if end is not None:
                yield _days(path, end, now)
        yield base.sample('certificate.unreadable', unreadable)

    def _find(self):
        found = set()
        for pattern in self.options.files or USUAL:
            if glob.has_magic(pattern):
                found.update(glob.iglob(pattern, recursive=True))
            else:
                found.add(pattern)
        usual = not self.options.files
        return sorted(p for p in found if not usual or os.path.isfile(p))[
            :FILES
        ]

    def _read(self, path):
        """
        :returns: when the first of its certificates expires; None for none
        :raises OSError, ValueError: it can't be read
        """
        status = os.stat(path)
        version = status.st_ino, status.st_size, status.st_mtime_ns
        known, end = self._local.get(path, (None, None))
        if known != version:
            with open(path, 'rb') as file:
                end = tls.first_expiry(file.read(BYTES))
            self._local[path] = version, end
        return end


def _days(target, end, now):
    return base.sample(
        'certificate.days_left', tls.days_left(end, now), target=target
    )
