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

from hypothesis import given
from hypothesis import strategies
from oslotest import base

from sentinella.agent.node import places

ID = '3f' * 32
SHORT = ID[:12]


class TestPlaces(base.BaseTestCase):
    def test_of_control_groups(self):
        for text, unit, container in (
            ('0::/system.slice/nova-api.service\n', 'nova-api', ''),
            ('0::/system.slice/system-devstack.slice/devstack@n-api.service\n',
             'devstack@n-api', ''),
            ('1:name=systemd:/system.slice/cron.service\n', '', ''),
            ('0::/user.slice/user-0.slice/session-3.scope\n', '', ''),
            ('0::/user.slice/user-1000.slice/user@1000.service/app.slice/'
             'my-api.service\n', 'my-api', ''),
            ('0::/user.slice/user-1000.slice/user@1000.service/init.scope\n',
             '', ''),
            ('0::/init.scope\n', '', ''),
            # Docker under cgroups v2 with systemd, and with its own driver
            (f'0::/system.slice/docker-{ID}.scope\n', '', SHORT),
            (f'0::/docker/{ID}\n', '', SHORT),
            # and under v1
            (f'12:pids:/docker/{ID}\n11:memory:/docker/{ID}\n'
             f'1:name=systemd:/docker/{ID}\n0::/system.slice/'
             'containerd.service\n', '', SHORT),
            # Podman, and Podman as Kolla's units run it
            (f'0::/machine.slice/libpod-{ID}.scope/container\n', '', SHORT),
            ('0::/system.slice/kolla-nova_api-container.service/'
             f'libpod-payload-{ID}\n', '', SHORT),
            ('0::/system.slice/kolla-nova_api-container.service\n', '', ''),
            # Kubernetes
            ('0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-'
             f'pod1f.slice/cri-containerd-{ID}.scope\n', '', SHORT),
            # OpenStack-Ansible's
            ('0::/lxc.payload.infra1_nova_api_container-ab12/system.slice/'
             'nova-api.service\n', '', 'infra1_nova_api_container-ab12'),
            ('', '', ''),
        ):  # fmt: skip
            self.assertEqual(
                places.Place(unit, container), places.read_cgroups(text), text
            )

    @given(strategies.text())
    def test_anything_is_some_place(self, text):
        found = places.read_cgroups(text)
        self.assertNotIn('\n', found.unit)
        self.assertFalse(found.unit and found.container)

    def test_what_is_inside(self):
        inside = places.Place(container=SHORT)
        self.assertEqual(
            '/proc/7/root/etc/a.ini', places.inside(7, inside, '/etc/a.ini')
        )
        self.assertEqual(
            '/etc/a.ini', places.inside(7, places.NOWHERE, '/etc/a.ini')
        )
