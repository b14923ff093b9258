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

"""A network of its own, in which a test may set what the kernel does."""

import json
import subprocess
import sys

_PROLOGUE = """
import fcntl, json, socket, struct
import tests

def set_kernel(name, value):
    with open(f'/proc/sys/net/{name}', 'w') as file:
        file.write(value)

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    # SIOCSIFFLAGS, IFF_UP
    fcntl.ioctl(sock, 0x8914, struct.pack('16sH14x', b'lo', 1))
"""


def run(code):
    """Run Python in a network that has nothing but loopback.

    It runs as that network's root, who may do nothing outside of it, and can
    call `set_kernel('ipv4/ip_forward', '1')`.

    :param code: sets `result`
    :returns: that
    """
    finished = subprocess.run(
        [
            'unshare',
            '--map-root-user',
            '--net',
            '--mount',
            sys.executable,
            '-c',
            f'{_PROLOGUE}\n{code}\nprint(json.dumps(result))',
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])
