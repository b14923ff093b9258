#!/usr/bin/env python3
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

"""Whether tests can use a server: check_server.py URL [--wait SECONDS].

Says why not, in one line, and exits with 1.
"""

import argparse
import sys
import time

import kombu
import sqlalchemy

PROBE = 'sentinella_probe'


def check(url):
    """
    :raises Exception: whatever the server, or its library, has against it
    """
    if url.startswith('rabbit:'):
        url = url.replace('rabbit:', 'amqp:', 1)
        with kombu.Connection(url, connect_timeout=5) as connection:
            connection.connect()
        return
    engine = sqlalchemy.create_engine(url, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        for verb in (
            'DROP DATABASE IF EXISTS',
            'CREATE DATABASE',
            'DROP DATABASE',
        ):
            connection.execute(sqlalchemy.text(f'{verb} {PROBE}'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('url')
    parser.add_argument('--wait', type=float, default=0)
    args = parser.parse_args()
    deadline = time.monotonic() + args.wait
    while True:
        try:
            return check(args.url)
        except Exception as error:
            if time.monotonic() > deadline:
                sys.exit(f'{args.url}: {error}'.splitlines()[0])
        time.sleep(0.2)


if __name__ == '__main__':
    main()
