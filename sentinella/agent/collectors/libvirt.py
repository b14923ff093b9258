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

"""The hypervisor's domains."""

import collections
import os
import re
import subprocess

from oslo_config import cfg

from sentinella import exceptions
from sentinella.agent import base
from sentinella.agent.asking import dialogue

#: Seconds that it may take to answer.
PATIENCE = 5.0

#: What libvirt's numbers for states mean; all others are `other`.
STATES = {
    1: 'running',
    2: 'running',  # blocked: for an instant, on a resource
    3: 'paused',
    5: 'shutoff',
    6: 'crashed',
}

_STATE = re.compile(r'^\s*state\.state=([0-9]+)\s*$', re.MULTILINE)
#: What virsh says when nobody answers.
_DOWN = re.compile(
    r'Connection refused|Connection reset|Broken pipe|End of file|'
    r'Cannot (recv|write) data'
)


class LibvirtCollector(base.Collector):
    """The hypervisor's domains.

    A libvirt that does not answer leaves the instances running, but nothing
    can be done with them any more, and `nova-compute` waits for it for ever.
    Domains are only counted: one question for all of them, over the read-only
    connection.

    It needs the program `virsh`, and the socket `libvirt-sock-ro` that
    libvirt opens to everyone, if not configured otherwise.
    """

    # virsh and not the library: that is compiled for one Python and one
    # libvirt, and a thread that waits in it for a daemon that hangs can't be
    # had back, where a program can be killed

    SERVICES = ('libvirt',)
    PROBES = True

    OPTIONS = (
        cfg.StrOpt(
            'uri',
            default='qemu:///system',
            help="Libvirt's name for the hypervisor.",
        ),
    )

    METRICS = {
        'libvirt.up': 'Whether it answers: 1 or 0',
        'libvirt.domains': 'Domains in a state, which is running, paused, '
        'shutoff, crashed or other; by state',
    }

    def collect(self, now):
        uri = self.options.uri
        try:
            answer = ask(uri)
        except subprocess.TimeoutExpired:
            return [base.sample('libvirt.up', 0)]
        if answer.returncode:
            return [base.sample('libvirt.up', self._up(answer.stderr, uri))]
        return [base.sample('libvirt.up', 1), *_domains(answer.stdout)]

    def _up(self, said, uri):
        """
        :param said: why virsh could not connect
        :returns: 0
        :raises Lacking: it is not known whether it is up
        """
        if dialogue.is_down(self.node, 'libvirt') or _DOWN.search(said):
            return 0
        reason = ' '.join(said.rpartition('error: ')[2].split())[:200]
        if 'denied' in said or 'authenticat' in said:
            remedy = (
                'make sentinella a member of the group libvirt, or set '
                'unix_sock_ro_perms = "0777" and auth_unix_ro = "none" in '
                'libvirtd.conf (virtqemud.conf)'
            )
        else:
            remedy = 'set [collector_libvirt] uri to one that virsh -r takes'
        raise exceptions.Lacking(f'{uri}: {reason or "no answer"}', remedy)


def ask(uri):
    """
    :returns: CompletedProcess of virsh
    :raises TimeoutExpired: no answer in `PATIENCE`
    :raises Lacking: it is not installed
    """
    try:
        return subprocess.run(  # noqa: S603
            ['virsh', '-r', '-q', '-c', uri, 'domstats', '--state', '--raw'],  # noqa: S607
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            text=True,
            errors='replace',
            env={'PATH': os.environ.get('PATH', os.defpath), 'LC_ALL': 'C'},
        )
    except FileNotFoundError:
        raise exceptions.Lacking(
            'there is no program virsh',
            'install libvirt-clients (Debian, Ubuntu) or libvirt-client',
        )


def count(text):
    """
    :param text: what `virsh domstats --state` prints
    :returns: {state: number of domains}, all states among them
    """
    found = collections.Counter(
        STATES.get(int(state), 'other') for state in _STATE.findall(text)
    )
    return {name: found[name] for name in (*STATES.values(), 'other')}


def _domains(text):
    for state, number in count(text).items():
        yield base.sample('libvirt.domains', number, state=state)
