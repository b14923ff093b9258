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
# run-tests.sh [STEP...] [-- REGEX]
#
# Runs every test that there is, or only some steps, in an environment that it
# makes itself. REGEX selects tests of the steps unit and functional.
#
# Databases and RabbitMQ are those that listen on the standard ports of
# loopback where they let us in, else private ones that end with this script:
# see test-servers.sh. In the environment:
#
#   SENTINELLA_VENV           the virtual environment, default .venv-tests
#   SENTINELLA_TEST_PRIVATE=1 private servers even where others listen
#   SENTINELLA_TEST_WORKERS   tests at a time, default 2
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

STEPS="environment servers pep8 unit functional docs samples"
VENV=${SENTINELLA_VENV:-$PWD/.venv-tests}
PYTHON=${PYTHON:-python3}
WORKERS=${SENTINELLA_TEST_WORKERS:-2}
LOGS=$PWD/build/run-tests
PASSED=0
FAILED=0
BROKEN=""
NOTE=""

. tools/test-servers.sh

fail() {
    echo "run-tests.sh: $*" >&2
    exit 1
}

# step NAME: call step_NAME, say how it went; what it prints goes to a file,
# of which the end is shown when it fails. It may leave a word in NOTE.
step() {
    local log=$LOGS/$1.log began=$EPOCHREALTIME outcome=ok seconds
    NOTE=""
    "step_$1" >"$log" 2>&1 </dev/null || outcome=FAILED
    seconds=$(((${EPOCHREALTIME/[.,]/} - ${began/[.,]/}) / 100000))
    printf '%-12s %-7s %5d.%d s   %s\n' \
        "$1" "$outcome" $((seconds / 10)) $((seconds % 10)) "$NOTE"
    [ "$outcome" = ok ] && return
    BROKEN="$BROKEN $1"
    echo "---- the end of ${log#"$PWD"/}:"
    grep -v "^WARNING: Location .* is ignored" "$log" | tail -n 150
    echo "----"
    return 1
}

step_environment() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "python3 of at least 3.11 is needed, this is $("$PYTHON" -V)"
        return 1
    }
    local wanted files=(setup.cfg pyproject.toml requirements.txt
        test-requirements.txt tools/lint-requirements.txt doc/requirements.txt)
    wanted=$({ echo "$PWD" && "$PYTHON" -V && cat "${files[@]}"; } | sha256sum)
    if [ "$(cat "$VENV/.wanted" 2>/dev/null)" = "$wanted" ]; then
        NOTE="as it was"
        return
    fi
    NOTE="new"
    have_ensurepip &&
        "$PYTHON" -m venv --clear "$VENV" &&
        "$VENV/bin/pip" install -q \
            -e '.[agent,server,client,mysql,postgresql,standalone]' \
            -r test-requirements.txt -r tools/lint-requirements.txt \
            -r doc/requirements.txt &&
        "$VENV/bin/pip" check &&
        echo "$wanted" >"$VENV/.wanted"
}

have_ensurepip() {
    "$PYTHON" -c 'import ensurepip' && return
    can_install || {
        echo "python3 has no venv: apt install python3-venv"
        return 1
    }
    apt_install python3-venv
}

step_servers() {
    use_programs &&
        use_alerta &&
        use_zaqar &&
        use_server MYSQL mysql+pymysql://root@127.0.0.1:3306/ &&
        use_server POSTGRESQL postgresql+psycopg2://postgres@127.0.0.1:5432/postgres &&
        use_server RABBIT rabbit://guest:guest@127.0.0.1:5672/ &&
        need_packagers
}

step_pep8() {
    local failed=0 scripts
    scripts=$(git ls-files 'tools/*.sh' 'devstack/*.sh' devstack/settings \
        devstack/lib .ci 'packaging/debian/p*')
    ruff check . || failed=1
    ruff format --check . || failed=1
    flake8 sentinella tests benchmarks || failed=1
    doc8 -q doc/source api-ref/source releasenotes README.rst || failed=1
    codespell --skip '*.sample,*/build/*' sentinella tests doc/source api-ref/source README.rst \
        CONTRIBUTING.rst HACKING.rst tools devstack packaging releasenotes || failed=1
    # shellcheck disable=SC2086
    shellcheck -x -S warning $scripts || failed=1
    return $failed
}

step_unit() {
    run_stestr unit
}

step_functional() {
    run_stestr functional
}

# run_stestr DIRECTORY: adds to PASSED and FAILED; a skipped test has failed
run_stestr() {
    local output=$LOGS/$1.stestr status passed failed skipped
    stestr --test-path "./tests/$1" --top-dir . run \
        --concurrency "$WORKERS" ${REGEX:+"$REGEX"} >"$output" 2>&1
    status=$?
    cat "$output"
    passed=$(count Passed "$output")
    failed=$(($(count Failed "$output") + $(count 'Unexpected Success' "$output")))
    skipped=$(count Skipped "$output")
    if [ "$skipped" -gt 0 ]; then
        failed=$((failed + skipped))
        echo "$skipped tests were skipped; what can't be tested has failed."
    fi
    if [ $((passed + failed)) = 0 ] && [ -z "$REGEX" ]; then
        echo "No test ran."
        status=1
    fi
    NOTE="$passed passed, $failed failed"
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    [ "$failed" = 0 ] && { [ "$status" = 0 ] || [ -n "$REGEX" ]; }
}

# count WHAT FILE: the number that stestr's closing lines give
count() {
    sed -n "s/^ - $1: *\([0-9]*\)$/\1/p" "$2" | tail -n 1 | grep . || echo 0
}

step_docs() {
    local failed=0 what
    for what in doc api-ref releasenotes; do
        sphinx-build -q -N -E -W --keep-going -b html \
            "$what/source" "$what/build/html" || failed=1
    done
    return $failed
}

step_samples() {
    local failed=0
    oslo-config-generator \
        --config-file etc/sentinella/sentinella-config-generator.conf \
        --output-file "$LOGS/sentinella.conf.sample" || failed=1
    oslopolicy-sample-generator \
        --config-file etc/sentinella/sentinella-policy-generator.conf \
        --output-file "$LOGS/policy.yaml.sample" || failed=1
    # what must be in them, or they are as good as none
    grep -q '^\[agent\]' "$LOGS/sentinella.conf.sample" || failed=1
    grep -q '^\[keystone_authtoken\]' "$LOGS/sentinella.conf.sample" ||
        failed=1
    grep -q 'GET  */v1/servers' "$LOGS/policy.yaml.sample" || failed=1
    return $failed
}

STEPS_WANTED=()
REGEX=""
while [ $# -gt 0 ]; do
    case $1 in
    --)
        REGEX=${2:-}
        break
        ;;
    -*) fail "unknown option $1; see the head of $0" ;;
    *)
        case " $STEPS " in
        *" $1 "*) STEPS_WANTED+=("$1") ;;
        *) fail "unknown step $1, expected some of: $STEPS" ;;
        esac
        ;;
    esac
    shift
done

wants() {
    [ ${#STEPS_WANTED[@]} = 0 ] || [[ " ${STEPS_WANTED[*]} " == *" $1 "* ]]
}

mkdir -p "$LOGS"
trap stop_servers EXIT
trap 'exit 130' INT TERM
# a cloud that the caller looks after, or a proxy, is not to be tested
unset "${!OS_@}"
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"
export no_proxy=$NO_PROXY PYTHONWARNINGS=ignore
export PATH=$VENV/bin:$PATH:/usr/sbin:/sbin

began=$SECONDS
step environment || { echo "FAILED: environment"; exit 1; }
for name in servers pep8 unit functional docs samples; do
    # only the functional tests talk to servers
    if wants "$name" || { [ "$name" = servers ] && wants functional; }; then
        step "$name"
    fi
done
printf '%-12s %-7s %5d s\n' all "" $((SECONDS - began))
[ -z "$BROKEN" ] || echo "FAILED:$BROKEN"
if [ $((PASSED + FAILED)) -gt 0 ]; then
    echo "tests: $PASSED passed, $FAILED failed"
fi
[ -z "$BROKEN" ]
