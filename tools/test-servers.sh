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
# The servers that tests need; sourced by run-tests.sh, which sets NOTE and
# LOGS and has the virtual environment in its PATH.
#
# A private server lives in a directory of its own below /tmp, listens on a
# free port of loopback, and goes when stop_servers is called.
# shellcheck shell=bash

SERVERS=""
PIDS=()

# use_server KIND URL: export SENTINELLA_TEST_<KIND>_URL, which is what the
# caller set, or the URL where that works, or a private server's
use_server() {
    local kind=$1 url=$2 variable=SENTINELLA_TEST_$1_URL
    if [ -n "${!variable:-}" ]; then
        note "${kind,,} as given"
        check_server "${!variable}"
        return
    fi
    if [ -z "${SENTINELLA_TEST_PRIVATE:-}" ] && check_server "$url"; then
        export "$variable=$url"
        note "${kind,,} on its port"
        return
    fi
    [ -n "$SERVERS" ] || SERVERS=$(mktemp -d /tmp/sentinella-tests.XXXXXX)
    chmod 711 "$SERVERS" # for PostgreSQL, which does not run as root
    "has_${kind,,}" || apt_install_bindep && "has_${kind,,}" || {
        echo "${kind,,}: nothing to use on its port, and it is not installed;" \
            "as root it would be: apt install" \
            "$("$VENV/bin/bindep" -b -f bindep.txt test | xargs)"
        return 1
    }
    "start_${kind,,}" && check_server "${!variable}" --wait 60 || {
        echo "${kind,,}: the private one does not work"
        return 1
    }
    note "${kind,,} private"
}

#: What tests run besides, and where distributions hide such things.
PROGRAMS="chronyc chronyd ping unshare check_tcp uwsgi apachectl epmd mariadbd
haproxy memcached virsh ovs-vswitchd ovsdb-tool ovn-northd chromedriver
prometheus-alertmanager redis-server rsyslogd"
HIDDEN=/usr/sbin:/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins

use_programs() {
    has_programs || apt_install_bindep && has_programs || {
        echo "not all of these are installed: $PROGRAMS; as root they would" \
            "be: apt install $("$VENV/bin/bindep" -b -f bindep.txt test | xargs)"
        return 1
    }
}

has_programs() {
    local program
    for program in $PROGRAMS; do
        PATH=$PATH:$HIDDEN command -v "$program" >/dev/null || return 1
    done
}

#: What these are installed from: they want other versions than we do.
# shellcheck disable=SC2034
ALERTA="alerta-server==9.1.0 psycopg2-binary==2.9.*"
# shellcheck disable=SC2034
ZAQAR="zaqar==23.0.* redis gunicorn"

use_alerta() {
    use_other ALERTA alertad
}

use_zaqar() {
    use_other ZAQAR zaqar-server
}

# use_other NAME PROGRAM: SENTINELLA_TEST_<NAME>, or an environment of its own
# within ours, which is made when it is not there
use_other() {
    local variable=SENTINELLA_TEST_$1 where
    where=$(realpath -m "${!variable:-$VENV/${1,,}}")
    "$where/bin/$2" --help >/dev/null 2>&1 ||
        { [ -z "${!variable:-}" ] && make_other "$1" "$2" "$where"; } || {
        echo "${1,,}: there is none in $where"
        return 1
    }
    export "$variable=$where"
}

make_other() {
    note "${1,,} new"
    # shellcheck disable=SC2086
    "$PYTHON" -m venv --clear "$3" &&
        "$3/bin/pip" install -q ${!1} &&
        "$3/bin/$2" --help
}

note() {
    NOTE="${NOTE:+$NOTE, }$1"
}

check_server() {
    "$VENV/bin/python" tools/check_server.py "$@"
}

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

apt_install() {
    apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive apt-get install -yq \
            --no-install-recommends "$@"
}

apt_install_bindep() {
    local packages
    can_install || return 1
    packages=$("$VENV/bin/bindep" -b -f bindep.txt test)
    # shellcheck disable=SC2086
    apt_install $packages
}

# need_packagers: what builds and looks into the agent's packages
need_packagers() {
    has_packagers || apt_install_bindep && has_packagers || {
        echo "rpmbuild, dpkg-deb and systemd-analyze are needed: apt install" \
            "rpm dpkg systemd"
        return 1
    }
}

has_packagers() {
    command -v rpmbuild >/dev/null && command -v dpkg-deb >/dev/null &&
        command -v systemd-analyze >/dev/null
}

free_port() {
    python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

# launch COMMAND...: in the background, in a process group of its own
launch() {
    (cd / && exec setsid "$@") >>"$LOGS/servers.out" 2>&1 </dev/null &
    PIDS+=($!)
}

has_mysql() {
    command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null
}

start_mysql() {
    local directory=$SERVERS/mysql port user
    port=$(free_port)
    user=$(id -un)
    mkdir -p "$directory"
    mariadb-install-db --no-defaults --user="$user" --datadir="$directory" \
        --auth-root-authentication-method=normal --skip-test-db || return 1
    launch mariadbd --no-defaults --user="$user" --datadir="$directory" \
        --bind-address=127.0.0.1 --port="$port" \
        --socket="$directory/mysql.sock" --skip-name-resolve \
        --max-connections=500 --innodb-flush-log-at-trx-commit=0
    export SENTINELLA_TEST_MYSQL_URL=mysql+pymysql://root@127.0.0.1:$port/
}

postgresql_bin() {
    find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1 |
        xargs -r dirname
}

has_postgresql() {
    [ -n "$(postgresql_bin)" ]
}

start_postgresql() {
    local directory=$SERVERS/postgresql port bin user as=()
    port=$(free_port)
    bin=$(postgresql_bin)
    mkdir -p "$directory"
    if [ "$(id -u)" = 0 ]; then
        user=$(id -un postgres 2>/dev/null || echo nobody)
        chown "$user" "$directory"
        as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
    fi
    (cd / && "${as[@]}" "$bin/initdb" -D "$directory" -U postgres -A trust \
        -E UTF8 --locale=C --no-sync) || return 1
    launch "${as[@]}" "$bin/postgres" -D "$directory" \
        -c listen_addresses=127.0.0.1 -c port="$port" \
        -c unix_socket_directories= -c fsync=off -c max_connections=300
    export SENTINELLA_TEST_POSTGRESQL_URL=postgresql+psycopg2://postgres@127.0.0.1:$port/postgres
}

RABBIT=/usr/lib/rabbitmq/bin/rabbitmq-server

has_rabbit() {
    [ -x $RABBIT ] && command -v epmd >/dev/null
}

# Erlang's port mapper would stay behind, so it is ours as well; HOME is where
# the cookie is that lets nodes talk to each other.
start_rabbit() {
    local directory=$SERVERS/rabbit port mapper
    port=$(free_port)
    mapper=$(free_port)
    mkdir -p "$directory"
    echo '[].' >"$directory/enabled_plugins"
    cat >"$directory/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$port
loopback_users.guest = true
vm_memory_high_watermark.relative = 0.6
disk_free_limit.absolute = 50MB
CONF
    launch epmd -port "$mapper" -address 127.0.0.1
    launch env HOME="$directory" ERL_EPMD_PORT="$mapper" \
        ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_NODENAME="sentinella$port@localhost" \
        RABBITMQ_CONF_ENV_FILE=/dev/null \
        RABBITMQ_CONFIG_FILE="$directory/rabbitmq.conf" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$directory/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$directory/mnesia" \
        RABBITMQ_LOG_BASE="$directory/log" \
        RABBITMQ_DIST_PORT="$(free_port)" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
        $RABBIT
    export SENTINELLA_TEST_RABBIT_URL=rabbit://guest:guest@127.0.0.1:$port/
}

# stop_servers: those that launch started, by their process groups; what they
# kept is thrown away, so that nobody waits long for them
stop_servers() {
    local pid waited=0
    [ -n "$SERVERS" ] || return 0
    for pid in "${PIDS[@]}"; do
        kill -INT "$pid" 2>/dev/null
        kill -TERM "$pid" 2>/dev/null
    done
    for pid in "${PIDS[@]}"; do
        while kill -0 "$pid" 2>/dev/null && [ $waited -lt 100 ]; do
            sleep 0.1
            waited=$((waited + 1))
        done
        kill -KILL -- "-$pid" 2>/dev/null
    done
    rm -rf "$SERVERS"
}
