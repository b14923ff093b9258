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

"""A syslog server: a real one."""

import json
import shutil
import signal
import socket
import uuid

import fixtures

from tests import mailserver
from tests import processes
from tests import servers

#: In messages of ours, which nobody is shown.
MARK = 'mark'


class Rsyslog(fixtures.Fixture):
    """Debian's rsyslog, with a configuration of its own.

    :ivar ports: of localhost, by transport; :ivar socket: of this node
    :ivar cafile: whom to trust
    """

    def _setUp(self):
        folder = self.useFixture(servers.FolderFixture()).path
        pem, self.cafile = mailserver.make_pem(folder)
        self.ports = {name: servers.free_port() for name in ('tcp', 'tls')}
        self.ports['udp'] = self.ports['tcp']
        self.socket = str(folder / 'log')
        self._kept = folder / 'kept'
        self._kept.touch()
        (folder / 'rsyslog.conf').write_text(
            CONFIG.format(
                folder=folder,
                pem=pem,
                cafile=self.cafile,
                socket=self.socket,
                kept=self._kept,
                **self.ports,
            )
        )
        self._server = servers.ServerFixture(
            [shutil.which('rsyslogd', path='/usr/sbin:/usr/bin')]
            + ['-n', '-f', folder / 'rsyslog.conf', '-i', folder / 'pid'],
            lambda: all(
                servers.listens(('127.0.0.1', self.ports[name]))
                for name in ('tcp', 'tls')
            ),
        )
        self.useFixture(self._server)

    def start(self):
        self._server.start()

    def stop(self):
        """As one that goes down, having written what it has."""
        self._server.stop(signal.SIGTERM)

    def messages(self):
        """
        :returns: list of mappings, what it made of each message that it has
            taken
        """
        # it writes them in the order in which it has read them
        mark = str(uuid.uuid4())
        ways = self.socket, ('127.0.0.1', self.ports['udp'])
        for where in ways:
            self._say(where, f'<0>1 - - - - {MARK} - {mark}'.encode())

        def marks():
            return [one for one in self._all() if one['text'] == mark]

        processes.wait_for(lambda: len(marks()) == len(ways), 'the marks')
        return [one for one in self._all() if one['kind'] != MARK]

    def _all(self):
        whole, _, _ = self._kept.read_text().rpartition('\n')
        return [json.loads(line) for line in whole.splitlines()]

    @staticmethod
    def _say(where, data):
        unix = isinstance(where, str)
        family = socket.AF_UNIX if unix else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(data, where)


# a message is read as RFC 5424 has it, and written as JSON, line by line
CONFIG = """
global(
  workDirectory="{folder}"
  maxMessageSize="8k"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{cafile}"
  defaultNetstreamDriverCertFile="{pem}"
  defaultNetstreamDriverKeyFile="{pem}"
)
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
module(load="mmpstrucdata")
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="keep")
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="keep"
      streamDriver.name="ptcp")
input(type="imtcp" address="127.0.0.1" port="{tls}" ruleset="keep"
      streamDriver.name="gtls" streamDriver.mode="1"
      streamDriver.authMode="anon")
input(type="imuxsock" socket="{socket}" useSpecialParser="off"
      ruleset="keep")
main_queue(queue.workerThreads="1")
template(name="all" type="list" option.jsonf="on") {{
  property(outname="raw" name="rawmsg-after-pri" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="at" name="timereported" dateFormat="rfc3339"
           format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app_name" name="app-name" format="jsonf")
  property(outname="kind" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="parsed" name="$!rfc5424-sd" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
  property(outname="input" name="inputname" format="jsonf")
}}
ruleset(name="keep") {{
  action(type="mmpstrucdata")
  action(type="omfile" file="{kept}" template="all")
}}
"""
