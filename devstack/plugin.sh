#!/usr/bin/env bash
#
# DevStack calls this with what it is about to do; lib/sentinella does it.

_XTRACE_SENTINELLA=$(set +o | grep xtrace)
set +o xtrace

# shellcheck source=devstack/lib/sentinella
source "$SENTINELLA_DIR/devstack/lib/sentinella"

case "$1:${2:-}" in
stack:install)
    echo_summary "Installing Sentinella"
    install_sentinella
    ;;
stack:post-config)
    echo_summary "Configuring Sentinella"
    configure_sentinella
    create_sentinella_accounts
    init_sentinella
    ;;
stack:extra)
    echo_summary "Starting Sentinella"
    start_sentinella
    ;;
unstack:*)
    stop_sentinella
    ;;
clean:*)
    cleanup_sentinella
    ;;
esac

$_XTRACE_SENTINELLA
