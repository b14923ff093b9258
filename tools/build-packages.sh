#!/usr/bin/env bash
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
#
# build-packages.sh [deb|rpm|all] [DIRECTORY]
#
# Builds the agent's package from this tree and puts it into DIRECTORY, default
# dist/. It prints the file's name.
#
# The package holds a virtual environment with all libraries of the agent, in
# /usr/lib/sentinella-agent. A node has one set of OpenStack's libraries, at
# the versions that its services need, and Sentinella shall neither wait for
# those nor push them: so it needs nothing of the distribution but Python, in
# the very version (such as 3.12) that it is built with. So build on the
# distribution that it is for, as anybody; a .deb and an .rpm of one run are
# for the same Python.
#
#   PYTHON   the distribution's, default /usr/bin/python3, with venv
#   PIP_*    as pip has them, such as PIP_CONSTRAINT and PIP_INDEX_URL
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-/usr/bin/python3}
PREFIX=/usr/lib/sentinella-agent
KIND=${1:-all}
OUTPUT=$(realpath -m "${2:-dist}")

fail() {
    echo "build-packages.sh: $*" >&2
    exit 1
}

needs() {
    command -v "$1" >/dev/null || fail "$1 is needed: install $2"
}

case $KIND in
deb) needs dpkg-deb dpkg ;;
rpm) needs rpmbuild rpm-build ;;
all) needs dpkg-deb dpkg && needs rpmbuild "rpm (rpm-build)" ;;
*) fail "expected deb, rpm or all, got $KIND" ;;
esac
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$PYTHON is too old: 3.11 or later is needed"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$PYTHON has no venv: install python3-venv"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
TREE=$WORK/tree
umask 022

# put FILE PLACE: with the mode of a file to be read
put() {
    install -D -m 0644 "$1" "$TREE$2"
}

# pip_install VENV WHAT...
pip_install() {
    "$1/bin/python" -m pip install -q --no-compile --no-warn-script-location \
        --disable-pip-version-check "${@:2}"
}

make_environment() {
    local venv=$TREE$PREFIX script
    mkdir -p "$(dirname "$venv")"
    "$PYTHON" -m venv "$venv"
    pip_install "$venv" pbr setuptools
    # asked once, as a commit in between would change it
    VERSION=$("$venv/bin/python" -c 'from pbr import packaging
print(packaging.get_version("sentinella"))')
    PBR_VERSION=$VERSION pip_install "$venv" ".[agent,postgresql]"
    "$venv/bin/python" -m pip check >/dev/null

    # what else is in the project needs what is not in here
    for script in "$venv"/bin/*; do
        case ${script##*/} in
        python* | pip* | sentinella-agent) ;;
        *) rm "$script" ;;
        esac
    done
    # where it was built is not where it will be
    find "$venv/lib" -path '*/sentinella-*.dist-info/direct_url.json' -delete
    sed -i '/direct_url.json,/d' "$venv"/lib/python*/site-packages/sentinella-*.dist-info/RECORD
    find "$venv/bin" -type f -exec sed -i "s|$venv|$PREFIX|g" {} +
    sed -i "s|$venv|$PREFIX|g" "$venv/pyvenv.cfg"
    # the libraries' own tests are a third of all files
    rm -rf "$venv"/lib/python*/site-packages/*/tests
    find "$venv" -name __pycache__ -prune -exec rm -rf {} +
    "$PYTHON" -m compileall -q -j 0 -s "$TREE" -p / \
        --invalidation-mode unchecked-hash "$venv/lib"
    if grep -rqIF "$WORK" "$venv"; then
        fail "the tree names $WORK, where it was built"
    fi
}

make_tree() {
    make_environment
    mkdir -p "$TREE/usr/bin"
    ln -s ../lib/sentinella-agent/bin/sentinella-agent \
        "$TREE/usr/bin/sentinella-agent"
    put packaging/sentinella-agent.service \
        /usr/lib/systemd/system/sentinella-agent.service
    put packaging/sentinella-agent.sysusers \
        /usr/lib/sysusers.d/sentinella-agent.conf
    put packaging/sentinella-agent.tmpfiles \
        /usr/lib/tmpfiles.d/sentinella-agent.conf
    put packaging/sentinella-agent.logrotate /etc/logrotate.d/sentinella-agent
    put packaging/sentinella-agent.bash-completion \
        /usr/share/bash-completion/completions/sentinella-agent
    put LICENSE /usr/share/doc/sentinella-agent/copyright
}

# Versions such as 0.0.1.dev70 come before 0.0.1, which ~ says.
package_version() {
    sed -E 's/\.?(dev|a|b|rc)([0-9]+)/~\1\2/' <<<"$VERSION"
}

# python_version STEP: of PYTHON, or of the one after it
python_version() {
    "$PYTHON" -c "import sys; print(f'3.{sys.version_info[1] + $1}')"
}

build_deb() {
    local root=$WORK/deb file
    cp -a "$TREE" "$root"
    # where Debian has them: /lib is the same as /usr/lib by now, but not to
    # every tool
    mkdir -p "$root/lib/systemd"
    mv "$root/usr/lib/systemd/system" "$root/lib/systemd/system"
    rmdir "$root/usr/lib/systemd"
    mkdir "$root/DEBIAN"
    sed -e "s/@VERSION@/$(package_version)/" \
        -e "s/@ARCHITECTURE@/$(dpkg --print-architecture)/" \
        -e "s/@SIZE@/$(du -sk "$TREE" | cut -f 1)/" \
        -e "s/@PYTHON@/$(python_version 0)/" \
        -e "s/@PYTHON_NEXT@/$(python_version 1)/" \
        packaging/debian/control.in >"$root/DEBIAN/control"
    install -m 0644 packaging/debian/conffiles "$root/DEBIAN/conffiles"
    for file in postinst prerm postrm; do
        install -m 0755 "packaging/debian/$file" "$root/DEBIAN/$file"
    done
    (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' |
        LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "$OUTPUT" |
        sed -n "s/.* in '\(.*\)'\.$/\1/p"
}

build_rpm() {
    rpmbuild -bb --quiet \
        --define "_topdir $WORK/rpmbuild" \
        --define "_rpmdir $OUTPUT" \
        --define '_rpmfilename %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm' \
        --define '_binary_payload w3.zstdio' \
        --define "version $(package_version)" \
        --define "python $(python_version 0)" \
        --define "next_python $(python_version 1)" \
        --define "tree $TREE" \
        packaging/rpm/sentinella-agent.spec >&2
    ls "$OUTPUT/sentinella-agent-$(package_version)-1."*.rpm
}

mkdir -p "$OUTPUT"
make_tree >&2
[ "$KIND" = rpm ] || build_deb
[ "$KIND" = deb ] || build_rpm
