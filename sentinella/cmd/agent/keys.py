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

"""Shows this agent's identity, and has its key changed."""

import json
import os

from sentinella import exceptions
from sentinella.agent import identity
from sentinella.agent import state
from sentinella.cmd.agent import arguments


def show(argv):
    """Show the UUID that this server is known by, and its key's fingerprint,
    which an operator compares before accepting it."""
    parser = arguments.Parser('identity', show.__doc__)
    arguments.add_config(parser)
    arguments.add_format(parser)
    given = parser.parse_args(argv)
    me = read(arguments.prepare(given))
    if given.format == 'json':
        found = {
            'server': me.server,
            'fingerprint': me.fingerprint,
            'public_key': me.public,
            'rotating': me.rotating,
        }
        print(json.dumps(found, indent=2))
    else:
        tell(me)
    return 0


def tell(me):
    """
    :param me: a :class:`sentinella.agent.identity.Identity`
    """
    print(f'Server       {me.server}')
    print(f'Fingerprint  {me.fingerprint}')
    if me.rotating:
        print('A next key waits to be registered by the running agent.')


def read(conf):
    """
    :returns: the Identity that there is
    :raises InvalidConfiguration: there is none
    """
    path = os.path.join(conf.state_path, 'agent')
    try:
        os.stat(os.path.join(path, identity.FILE))
    except FileNotFoundError:
        raise exceptions.InvalidConfiguration(
            f'{path}: there is no identity yet, "sentinella-agent init" '
            'makes it'
        )
    except OSError as error:
        raise exceptions.InvalidConfiguration(f'{path}: {error.strerror}')
    return identity.Identity(state.State(path))


def rotate(argv):
    """Make a new key. The running agent registers it, signed by the present
    one as well, and goes over to it once a conductor has accepted it: no
    report is lost, and nobody needs to accept the server again."""
    parser = arguments.Parser('rotate-key', rotate.__doc__)
    arguments.add_config(parser)
    me = read(arguments.prepare(parser.parse_args(argv)))
    print(f'Present key  {me.fingerprint}')
    print(f'Next key     {me.rotate()}')
    print('The running agent registers it, and uses it once it is accepted.')
    return 0
