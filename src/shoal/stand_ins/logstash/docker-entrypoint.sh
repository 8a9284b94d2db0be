#!/bin/sh
# Runs logpipe with the options of logstash; anything else as it is.
set -e

case "${1:-}" in
    logstash) shift && set -- python -m logpipe "$@" ;;
    "" | -*) set -- python -m logpipe "$@" ;;
esac

exec "$@"
