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
# run-benchmarks.sh [AREA] [--quick] [--json FILE]
#
# Runs benchmarks/<AREA>/, or all of benchmarks/, against the RabbitMQ and the
# MariaDB of loopback, in the environment that run-tests.sh makes.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${SENTINELLA_VENV:-$PWD/.venv-tests}
if [ ! -x "$VENV/bin/sentinella-agent" ]; then
    ./tools/run-tests.sh environment
fi
export PYTHONWARNINGS=ignore
exec "$VENV/bin/python" -m benchmarks "$@"
