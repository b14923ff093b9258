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
# run-standalone.sh [--demo] [options of sentinella-standalone]
#
# All of Sentinella in one process on this machine, on loopback, without
# Keystone. Makes its own virtual environment in .venv, as root or not.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${SENTINELLA_STANDALONE_VENV:-$PWD/.venv}
PYTHON=${PYTHON:-python3}
LOG=$VENV.log

fail() {
    echo "run-standalone.sh: $*" >&2
    exit 1
}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "python3 of at least 3.11 is needed, found: $("$PYTHON" --version 2>&1 || true)"

if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        fail "python3-venv is missing: apt install python3-venv"
    echo "Installing python3-venv ..."
    { apt-get update -q && apt-get install -yq python3-venv; } >"$LOG" 2>&1 ||
        { tail -n 5 "$LOG" >&2; fail "python3-venv could not be installed"; }
fi

wanted=$(cat setup.cfg requirements.txt pyproject.toml "$0" | sha256sum)
if [ "$(cat "$VENV/.wanted" 2>/dev/null)" != "$wanted" ]; then
    echo "Making $VENV (once, a minute or so) ..."
    {
        "$PYTHON" -m venv --clear "$VENV" &&
            "$VENV/bin/pip" install -q -e '.[agent,server,client,standalone]'
    } >"$LOG" 2>&1 || {
        tail -n 20 "$LOG" >&2
        fail "installation failed; all of it is in $LOG"
    }
    echo "$wanted" >"$VENV/.wanted"
fi

export PYTHONWARNINGS=ignore
exec "$VENV/bin/sentinella-standalone" "$@"
