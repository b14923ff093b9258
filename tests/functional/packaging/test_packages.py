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

"""Builds both packages for real, and installs them into a root of their own.

Their scripts run on that root from the outside (DPKG_ROOT), so no service
manager is talked to.
"""

import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

from oslotest import base

ROOT = pathlib.Path(__file__).parents[3]
PREFIX = 'usr/lib/sentinella-agent'
HEAD = '# The agent of this node; "sentinella-agent check"\n'

#: Files of both packages, and their modes.
FILES = {
    f'{PREFIX}/bin/sentinella-agent': 0o755,
    'etc/logrotate.d/sentinella-agent': 0o644,
    'usr/lib/sysusers.d/sentinella-agent.conf': 0o644,
    'usr/lib/tmpfiles.d/sentinella-agent.conf': 0o644,
    'usr/share/bash-completion/completions/sentinella-agent': 0o644,
}


def run(*words, **more):
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )
    if done.returncode:
        raise AssertionError(f'{words}: {done.stdout}')
    return done.stdout


class PackagesTest(base.BaseTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # takes most of a minute, so it is done once
        cls.output = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.output)
        run(ROOT / 'tools' / 'build-packages.sh', 'all', cls.output)
        (cls.deb,) = cls.output.glob('*.deb')
        (cls.rpm,) = cls.output.glob('*.rpm')

    def setUp(self):
        super().setUp()
        self.assertEqual(0, os.geteuid(), 'only root installs packages')
        # not where only root may look
        self.root = pathlib.Path(tempfile.mkdtemp(dir='/tmp'))
        self.root.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.root)

    def mode(self, name):
        found = (self.root / name).lstat()
        return stat.S_IMODE(found.st_mode)

    def agent(self, *words):
        """Run the installed agent, by the Python of this machine, as somebody
        who may do nothing."""
        return run(
            self.root / PREFIX / 'bin' / 'python3',
            self.root / PREFIX / 'bin' / 'sentinella-agent',
            *words,
            cwd='/',
            user=65534,
            group=65534,
            extra_groups=[],
            env={'PATH': os.environ['PATH']},
        )

    def expect_installed(self, files):
        for name, mode in files.items():
            self.assertEqual(oct(mode), oct(self.mode(name)), name)
        for path in (self.root / 'usr').rglob('*'):
            found = path.lstat()
            self.assertEqual((0, 0), (found.st_uid, found.st_gid), path)
            if not path.is_symlink():
                self.assertFalse(found.st_mode & 0o022, path)
        self.assertEqual(
            (self.root / PREFIX / 'bin' / 'sentinella-agent').resolve(),
            (self.root / 'usr/bin/sentinella-agent').resolve(),
        )
        first = (self.root / PREFIX / 'bin' / 'sentinella-agent').open()
        with first:
            self.assertIn(f'/{PREFIX}/bin/python', first.readline())
        self.assertIn('sentinella-agent ', self.agent('--version'))
        self.assertIn('cpu.percent', self.agent('show', 'host'))
        self.assertIn('memory.total_bytes', self.agent('once'))

    def dpkg(self, *words):
        for name in ('info', 'updates', 'triggers'):
            path = self.root / 'var/lib/dpkg' / name
            path.mkdir(parents=True, exist_ok=True)
        (self.root / 'var/lib/dpkg/status').touch()
        return run(
            'dpkg', f'--root={self.root}', '--force-script-chrootless',
            '--force-depends', '--force-unsafe-io', *words,
        )  # fmt: skip

    def test_deb(self):
        self.dpkg('-i', self.deb)
        self.expect_installed(
            {**FILES, 'lib/systemd/system/sentinella-agent.service': 0o644}
        )
        self.expect_user()
        ours = self.root / 'etc/sentinella/sentinella-agent.conf'
        ours.write_text(f'{HEAD}[agent]\n')
        conductors = self.root / 'etc/sentinella/sentinella.conf'
        conductors.write_text('[database]\n')
        key = self.root / 'var/lib/sentinella/agent/key.pem'
        key.parent.mkdir()
        key.write_text('secret')
        # what Python, or pip, leaves behind
        (self.root / PREFIX / 'lib' / 'more.py').write_text('')

        self.dpkg('-r', 'sentinella-agent')
        for name in (PREFIX, 'usr/bin', 'usr/share', 'lib'):
            self.assertFalse((self.root / name).exists(), name)
        for path in (ours, conductors, key):
            self.assertTrue(path.exists(), path)

        # it comes back to what it was
        self.dpkg('-i', self.deb)
        self.assertEqual('secret', key.read_text())
        self.assertIn('sentinella-agent ', self.agent('--version'))

        self.dpkg('-P', 'sentinella-agent')
        for name in (
            'etc/logrotate.d', 'var/lib/sentinella', 'var/log/sentinella',
            PREFIX, 'usr/bin', 'lib',
        ):  # fmt: skip
            self.assertFalse((self.root / name).exists(), name)
        self.assertEqual([conductors], list(conductors.parent.iterdir()))

    def expect_user(self):
        passwd = (self.root / 'etc/passwd').read_text()
        self.assertIn(':/var/lib/sentinella:/usr/sbin/nologin\n', passwd)
        groups = (self.root / 'etc/group').read_text()
        self.assertRegex(groups, 'adm:x:[0-9]+:sentinella\n')
        uid = int(passwd.partition('sentinella:x:')[2].partition(':')[0])
        for name, owner in (
            ('etc/sentinella', 0),
            ('var/lib/sentinella', uid),
            ('var/log/sentinella', uid),
        ):
            self.assertEqual(0o750, self.mode(name))
            self.assertEqual(owner, (self.root / name).stat().st_uid, name)
            self.assertNotEqual(0, (self.root / name).stat().st_gid, name)

    def test_deb_says_what_it_needs(self):
        shown = run('dpkg-deb', '-f', self.deb)
        python = run('/usr/bin/python3', '-V').split()[1].split('.')
        self.assertIn(f'python3 (>= 3.{python[1]}), ', shown)
        self.assertIn(f'python3 (<< 3.{int(python[1]) + 1})', shown)
        self.assertNotIn('@', shown.replace('lists.openstack.org', '')
                         .replace('openstack-discuss@', ''))  # fmt: skip

    def test_rpm(self):
        words = ['rpm', '--root', self.root, '--nodeps', '--noscripts']
        run(*words, '-i', self.rpm)
        self.expect_installed(
            {**FILES, 'usr/lib/systemd/system/sentinella-agent.service': 0o644}
        )
        scripts = run('rpm', '-qp', '--scripts', self.rpm)
        self.assertIn('systemd-sysusers sentinella-agent.conf', scripts)
        self.assertIn('systemd-tmpfiles --create', scripts)
        changed = self.root / 'etc/logrotate.d/sentinella-agent'
        changed.write_text('ours')
        run(*words, '-e', 'sentinella-agent')
        self.assertFalse((self.root / 'usr/bin/sentinella-agent').exists())
        self.assertFalse((self.root / PREFIX / 'bin').exists())
        self.assertEqual('ours', (changed.parent / 'sentinella-agent.rpmsave')
                         .read_text())  # fmt: skip
