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

import os
import pathlib

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslo_config import cfg
from oslotest import base

from sentinella import exceptions
from sentinella.cmd.agent import configfile

_TEXT = st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30
)


def read(text, directory):
    """What oslo.config makes of it."""
    path = os.path.join(directory, 'a.conf')
    configfile.write(path, text)
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt('text'), cfg.ListOpt('names')], 'agent')
    conf([], default_config_files=[path], default_config_dirs=[])
    return conf.agent


class TestRender(base.BaseTestCase):
    @hypothesis.given(_TEXT)
    def test_a_value_comes_back(self, value):
        directory = self.useFixture(fixtures.TempDir()).path
        # quotes around all of it are oslo.config's own
        hypothesis.assume(value[0] not in '"\'' or value[0] != value[-1])
        text = configfile.render({'agent': {'text': value}})
        self.assertEqual(value, read(text, directory).text)

    def test_lists_and_comments(self):
        directory = self.useFixture(fixtures.TempDir()).path
        text = configfile.render(
            {'DEFAULT': {}, 'agent': {'names': ['a', 'b']}}, 'one\ntwo'
        )
        self.assertEqual('# one\n# two\n\n[agent]\nnames = a,b\n', text)
        self.assertEqual(['a', 'b'], read(text, directory).names)

    def test_a_value_of_several_lines(self):
        self.assertRaises(
            exceptions.InvalidInput,
            configfile.render,
            {'agent': {'location': 'a\n[database]'}},
        )


class TestWrite(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def test_others_may_not_read_it(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        path = self.directory / 'etc' / 'sentinella' / 'a.conf'
        configfile.write(str(path), 'one\n')
        self.assertEqual('one\n', path.read_text())
        self.assertEqual(0o640, path.stat().st_mode & 0o777)
        self.assertEqual(0o750, path.parent.stat().st_mode & 0o777)

    def test_it_is_replaced_whole(self):
        path = self.directory / 'a.conf'
        path.write_text('before\n')
        path.chmod(0o666)
        before = path.stat().st_ino
        # what a killed one left behind
        (self.directory / 'a.conf.new').write_text('half')
        configfile.write(str(path), 'after\n')
        self.assertEqual('after\n', path.read_text())
        self.assertEqual(0o640, path.stat().st_mode & 0o777)
        self.assertNotEqual(before, path.stat().st_ino)
        self.assertEqual([path], list(self.directory.iterdir()))

    def test_what_can_not_be_written(self):
        error = self.assertRaises(
            exceptions.InvalidConfiguration,
            configfile.write,
            '/proc/none/a.conf',
            '',
        )
        self.assertIn('/proc/none/a.conf: ', str(error))
