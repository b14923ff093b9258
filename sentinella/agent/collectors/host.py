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

"""CPU, memory, filesystems, disks and network of this node."""

import os
import re
import select
import weakref

import psutil

from sentinella.agent import base

#: Filesystems that are not on a disk of this node, or never fill up.
_PSEUDO = {
    'autofs', 'bpf', 'cgroup', 'cgroup2', 'configfs', 'debugfs', 'devpts',
    'devtmpfs', 'efivarfs', 'fuse.lxcfs', 'fusectl', 'hugetlbfs', 'iso9660',
    'mqueue', 'nsfs', 'overlay', 'proc', 'pstore', 'ramfs', 'rpc_pipefs',
    'securityfs', 'squashfs', 'sysfs', 'tmpfs', 'tracefs',
}  # fmt: skip
#: Asking after these may hang for as long as a far server is away.
_REMOTE = re.compile(r'nfs|cifs|smb|ceph|gluster|9p|sshfs|fuse\.s3')
_DISK = re.compile(r'[shvx]v?d[a-z]+|nvme\d+n\d+|mmcblk\d+|md\d+|dm-\d+')
_VIRTUAL = re.compile(
    r'lo$|ifb|veth|tap|qbr|qvb|qvo|qr-|qg-|docker|br-[0-9a-f]{12}|virbr|vnet|'
    r'cali|cni|flannel|dummy|ovs-system|(gre|sit|erspan|ip6?tnl|tunl|gretap)'
)


class HostCollector(base.Collector):
    """CPU, memory, filesystems, disks and network of this node.

    It reads what the kernel tells everyone and needs nothing. Filesystems of
    other nodes are left out: asking after one whose server is gone hangs. So
    are images, such as snaps, that are always full.
    """

    METRICS = {
        'cpu.percent': 'Share of the time that the processors were busy, %',
        'cpu.user_percent': 'Share of the time in programs, %',
        'cpu.system_percent': 'Share of the time in the kernel, %',
        'cpu.iowait_percent': 'Share of the time idle, disks pending, %',
        'cpu.steal_percent': 'Share of the time that the hypervisor took, %',
        'memory.percent': 'Memory that is not available, %',
        'memory.available_bytes': 'Memory that programs can still have, bytes',
        'memory.total_bytes': 'Memory of the node, bytes',
        'swap.percent': 'Swap space in use, %',
        'load.1m': 'Mean number of runnable processes in 1 minute',
        'load.5m': 'Mean number of runnable processes in 5 minutes',
        'load.15m': 'Mean number of runnable processes in 15 minutes',
        'load.per_cpu_5m': 'load.5m for each processor',
        'fs.percent': 'Space in use, % of what users may use; by mount',
        'fs.inodes_percent': 'Inodes in use, %; by mount',
        'fs.free_bytes': 'Space left to users, bytes; by mount',
        'fs.read_only': 'Whether it can no longer be written to: 1 or 0; by '
        'mount',
        'disk.read_bytes_rate': 'Bytes read in a second; by device',
        'disk.write_bytes_rate': 'Bytes written in a second; by device',
        'disk.busy_percent': 'Share of the time with requests, %; by device',
        'net.rx_bytes_rate': 'Bytes received in a second; by interface',
        'net.tx_bytes_rate': 'Bytes sent in a second; by interface',
        'net.errors_rate': 'Errors in a second, both ways; by interface',
        'host.uptime_seconds': 'Time since the node started, s',
    }

    def __init__(self, conf, node):
        super().__init__(conf, node)
        self._boot = psutil.boot_time()
        self._cpus = psutil.cpu_count() or 1
        self._rates = Rates()
        self._times = None
        self._mounts = Mounts()
        self._writable = set()

    def collect(self, now):
        yield from self._cpu()
        yield from self._memory()
        yield from self._load()
        yield from self._filesystems()
        yield from self._disks(now)
        yield from self._network(now)
        yield base.sample('host.uptime_seconds', round(now - self._boot))

    def _cpu(self):
        times = psutil.cpu_times()
        before, self._times = self._times, times
        # guest time is part of user time
        busy = [
            getattr(times, n, 0.0) for n in times._fields if n[:5] != 'guest'
        ]
        was = [
            getattr(before, n, 0.0) for n in times._fields if n[:5] != 'guest'
        ]
        total = sum(busy) - sum(was)

        def share(*names):
            if before is None or total <= 0:
                return base.NAN
            spent = sum(
                getattr(times, n, 0.0) - getattr(before, n, 0.0) for n in names
            )
            return round(min(100.0, max(0.0, 100 * spent / total)), 1)

        idle = share('idle', 'iowait')
        yield base.sample('cpu.percent', round(100 - idle, 1))
        yield base.sample('cpu.user_percent', share('user', 'nice'))
        yield base.sample(
            'cpu.system_percent', share('system', 'irq', 'softirq')
        )
        yield base.sample('cpu.iowait_percent', share('iowait'))
        yield base.sample('cpu.steal_percent', share('steal'))

    def _memory(self):
        memory = psutil.virtual_memory()
        yield base.sample('memory.percent', memory.percent)
        yield base.sample('memory.available_bytes', memory.available)
        yield base.sample('memory.total_bytes', memory.total)
        yield base.sample('swap.percent', psutil.swap_memory().percent)

    def _load(self):
        one, five, fifteen = os.getloadavg()
        yield base.sample('load.1m', round(one, 2))
        yield base.sample('load.5m', round(five, 2))
        yield base.sample('load.15m', round(fifteen, 2))
        yield base.sample('load.per_cpu_5m', round(five / self._cpus, 2))

    def _filesystems(self):
        for mount in self._mounts.watched():
            status = _status(mount.mountpoint)
            yield from _usage(mount.mountpoint, status)
            yield base.sample(
                'fs.read_only',
                self._lost(mount.device, _options(mount, status)),
                mount=mount.mountpoint,
            )

    def _lost(self, device, options):
        """Whether a filesystem that could be written to no longer can; None
        where it never could, which may be meant so."""
        if 'rw' in options.split(','):
            self._writable.add(device)
            return False
        return True if device in self._writable else None

    def _disks(self, now):
        for name, count in psutil.disk_io_counters(
            perdisk=True, nowrap=False
        ).items():
            if not _DISK.fullmatch(name):
                continue
            rate = self._rates.of(f'disk {name}', now)
            yield base.sample(
                'disk.read_bytes_rate', rate(count.read_bytes), device=name
            )
            yield base.sample(
                'disk.write_bytes_rate', rate(count.write_bytes), device=name
            )
            busy = rate(getattr(count, 'busy_time', base.NAN), 1) / 10
            yield base.sample(
                'disk.busy_percent', round(min(100.0, busy), 1), device=name
            )

    def _network(self, now):
        for name, count in psutil.net_io_counters(
            pernic=True, nowrap=False
        ).items():
            if _VIRTUAL.match(name):
                continue
            rate = self._rates.of(f'net {name}', now)
            yield base.sample(
                'net.rx_bytes_rate', rate(count.bytes_recv), interface=name
            )
            yield base.sample(
                'net.tx_bytes_rate', rate(count.bytes_sent), interface=name
            )
            yield base.sample(
                'net.errors_rate',
                rate(count.errin + count.errout, 1),
                interface=name,
            )


class Mounts:
    """The filesystems of this node that can fill up.

    They are read anew when the kernel says that others are mounted.
    """

    def __init__(self):
        self._found = None
        number = os.open('/proc/self/mountinfo', os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, number)
        self._changes = select.poll()
        self._changes.register(number, select.POLLPRI | select.POLLERR)

    def watched(self):
        """
        :returns: list of what psutil makes of mounts, one for each device:
            it may be mounted in many places
        """
        if self._changes.poll(0) or self._found is None:
            devices = {}
            for mount in psutil.disk_partitions(all=False):
                if is_watched(mount):
                    devices.setdefault(mount.device, mount)
            self._found = list(devices.values())
        return self._found


class Rates:
    """Makes rates of counters."""

    def __init__(self):
        self._before = {}

    def of(self, name, now):
        """
        :returns: a function that makes, of one counter after the other and
            always in the same order, how much it grows in a second; NaN at
            first and when it was reset
        """
        at, values = self._before.get(name, (now, ()))
        previous = iter(values)
        present = []
        self._before[name] = now, present

        def rate(value, digits=0):
            present.append(value)
            grown = value - next(previous, base.NAN)
            if now <= at or not grown >= 0:
                return base.NAN
            return round(grown / (now - at), digits)

        return rate


def own_options(lines=None):
    """The options of mounted filesystems themselves. Those of their mounts
    are others where systemd confines the agent: it sees all read-only.

    :param lines: as in /proc/self/mountinfo
    :returns: {mount point: options}
    """
    if lines is None:
        with open('/proc/self/mountinfo', errors='surrogateescape') as file:
            lines = file.readlines()
    found = {}
    for line in lines:
        mount, _, itself = line.partition(' - ')
        mount, itself = mount.split(), itself.split()
        if len(mount) > 4 and itself:
            point = re.sub(
                r'\\([0-7]{3})', lambda m: chr(int(m[1], 8)), mount[4]
            )
            found[point] = itself[-1]
    return found


def is_watched(mount):
    """Whether a mount is a disk of this node that can fill up."""
    return (
        mount.fstype not in _PSEUDO
        and not _REMOTE.search(mount.fstype)
        and not mount.mountpoint.startswith(
            ('/snap/', '/var/lib/docker/', '/var/lib/containers/', '/proc')
        )
        and os.path.isdir(mount.mountpoint)
    )


def _status(path):
    try:
        return os.statvfs(path)
    except OSError:
        return None


def _options(mount, status):
    if status is not None and not status.f_flag & os.ST_RDONLY:
        return 'rw'
    # it may be read-only for us alone
    return own_options().get(mount.mountpoint, mount.opts)


def _usage(path, status):
    percent = inodes = free = base.NAN
    if status is not None:
        # as df has it: of what an unprivileged user could use
        used = status.f_blocks - status.f_bfree
        usable = used + status.f_bavail
        percent = round(100 * used / usable, 1) if usable else base.NAN
        files = status.f_files
        taken = files - status.f_ffree
        inodes = round(100 * taken / files, 1) if files else base.NAN
        free = status.f_bavail * status.f_frsize
    yield base.sample('fs.percent', percent, mount=path)
    yield base.sample('fs.inodes_percent', inodes, mount=path)
    yield base.sample('fs.free_bytes', free, mount=path)
