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

"""Who this agent is: a UUID, and the key that proves it.

In the agent's state directory there are::

    identity.json   {"server": UUID, "counter": of the last registration}
    key.pem         the Ed25519 key, PKCS #8, readable by its owner only
    key.next.pem    the one to take its place, while a rotation is under way

What the rest of the agent, and its commands, do with it::

    me = identity.Identity(state.State(path))  # made where there is none
    me.server, me.public, me.fingerprint
    me.sign_report(body) -> Signed
    me.sign_registration(registration) -> Signed, in turn greater counters
    me.rotating      # whether a next key waits to be registered
    me.rotate()      # make it; returns its fingerprint
    me.confirm(signed)  # a registration that a conductor has accepted

A rotation begins with `rotate()`, in whatever process, and needs no other
word: the running agent sees the next key's file, registers signed by both
keys, and goes over to the next one when that is accepted. It may be killed
at any point: a conductor knows one of the two keys, and both are kept until
it is known to know the next one.
"""

import contextlib
import dataclasses
import json
import os
import stat
import threading
import time
import uuid

from oslo_log import log

from sentinella import exceptions
from sentinella import model
from sentinella import signing
from sentinella import wire

LOG = log.getLogger(__name__)

FILE, KEY, NEXT = 'identity.json', 'key.pem', 'key.next.pem'


class Identity:
    """
    :param state: the agent's :class:`sentinella.agent.state.State`
    :ivar server: the UUID that this server is known by
    :raises InvalidConfiguration: a file of it can't be used or made; says
        which, and why
    """

    def __init__(self, state):
        self._state = state
        self._lock = threading.Lock()
        self._next = self._next_seen = None
        self.server, self._counter = self._read_identity()
        self._key = self._read_key(KEY) or self._make_key(KEY)

    @property
    def public(self):
        """The public key that reports are signed with."""
        return self._key.public

    @property
    def fingerprint(self):
        """What an operator compares before accepting this server."""
        return signing.fingerprint(self.public)

    @property
    def rotating(self):
        """Whether a next key waits to be registered."""
        with self._lock:
            return self._following() is not None

    def sign_report(self, body):
        """
        :param body: text
        :returns: Signed
        """
        return model.Signed(body, (self._key.sign(signing.REPORT, body),))

    def sign_registration(self, registration):
        """Fill in the key and the counter of a Registration, and sign it.

        Where a rotation is under way it names the next key and both sign.

        :returns: Signed; its first signature is of the key that it names
        """
        with self._lock:
            following = self._following()
            keys = [following, self._key] if following else [self._key]
            registration = dataclasses.replace(
                registration,
                public_key=keys[0].public,
                counter=self._count(),
            )
        body = to_body(registration)
        return model.Signed(
            body, tuple(k.sign(signing.REGISTRATION, body) for k in keys)
        )

    def rotate(self):
        """Make the next key; one that waits already stays.

        :returns: its fingerprint
        :raises InvalidConfiguration: it can't be kept
        """
        with self._lock:
            key = self._read_key(NEXT) or self._make_key(NEXT)
        return signing.fingerprint(key.public)

    def confirm(self, signed):
        """A conductor accepted this registration: from now on, and after a
        restart too, sign with the key that it named."""
        named = signed.signatures[0].key
        with self._lock:
            following = self._following()
            if following is None or following.public != named:
                return
            # known by now, whether the disk follows or not
            self._key = following
            with self._failing(NEXT):
                os.replace(self._path(NEXT), self._path(KEY))
                self._state.sync()
        LOG.info('The key of this agent is now %s', self.fingerprint)

    def _following(self):
        """The next key, or None; read again only where its file changed.

        One that can't be used is said once: the present one still can.
        """
        try:
            found = os.stat(self._path(NEXT))
        except OSError:
            self._next = self._next_seen = None
            return None
        seen = found.st_ino, found.st_mtime_ns, found.st_ctime_ns
        if seen != self._next_seen:
            self._next_seen, problem = seen, None
            try:
                self._next = self._read_key(NEXT)
            except exceptions.InvalidConfiguration as error:
                self._next, problem = None, str(error)
            if problem:
                LOG.error('The key is not changed: %s', problem)
        # where the disk did not let the file go
        if self._next is not None and self._next.public == self.public:
            return None
        return self._next

    def _path(self, name):
        return os.path.join(self._state.path, name)

    def _read_identity(self):
        path = self._path(FILE)
        found = self._state.load(FILE)
        if not found and not os.path.exists(path):
            found = {'server': str(uuid.uuid4()), 'counter': 0}
            with self._failing(FILE):
                self._state.save(FILE, found, durably=True)
        try:
            server = str(uuid.UUID(found.get('server')))
            return server, int(found.get('counter', 0))
        except (TypeError, ValueError, AttributeError):
            problem = 'expected {"server": UUID}; without it this server '
        raise exceptions.InvalidConfiguration(
            f'{path}: {problem}would become another one'
        )

    def _count(self):
        """The counter of a registration, on disk before it is used.

        The clock bridges what a disk forgets: a full one must not keep an
        agent silent.
        """
        self._counter = max(self._counter + 1, int(time.time() * 1000))
        data = {'server': self.server, 'counter': self._counter}
        try:
            self._state.save(FILE, data, durably=True)
        except OSError as error:
            LOG.warning('%s: %s', self._path(FILE), error.strerror)
        return self._counter

    def _read_key(self, name):
        """
        :returns: PrivateKey, or None where there is no such file
        """
        path = self._path(name)
        if not os.path.lexists(path):
            return None
        with self._failing(name), open(path, 'rb') as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read(4096)
        if mode & 0o077:
            raise exceptions.InvalidConfiguration(
                f'{path}: others may read or write it (mode {mode:04o}), '
                'expected 0600; give it another key if any of them did'
            )
        try:
            return signing.PrivateKey.from_pem(pem)
        except exceptions.InvalidConfiguration as error:
            problem = str(error)
        raise exceptions.InvalidConfiguration(f'{path}: {problem}')

    def _make_key(self, name):
        """A new key, on the disk for good before anyone hears of it."""
        key = signing.PrivateKey.generate()
        path = self._path(name)
        with self._failing(name):
            # what a killed process left half written
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f'{path}.new')
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with open(os.open(f'{path}.new', flags, 0o600), 'wb') as file:
                self._state.hand_over(file.fileno())
                file.write(key.to_pem())
                file.flush()
                os.fsync(file.fileno())
            os.replace(f'{path}.new', path)
            self._state.sync()
        return key

    @contextlib.contextmanager
    def _failing(self, name):
        try:
            yield
        except OSError as error:
            problem = f'{self._path(name)}: {error.strerror}'
        else:
            return
        raise exceptions.InvalidConfiguration(problem)


def to_body(thing):
    """What is signed of a Registration or a Report: its JSON text."""
    return json.dumps(wire.to_wire(thing), separators=(',', ':'))
