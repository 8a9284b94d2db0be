#!/bin/sh
# Starts Kibana until it has put its pages together, and ends it.
set -eu
cd /usr/share/kibana
node/bin/node --no-warnings src/cli --elasticsearch.url=http://127.0.0.1:9 >/tmp/optimize.log 2>&1 &
kibana=$!
waited=0
until grep -q 'Optimization of .* complete' /tmp/optimize.log; do
    if ! kill -0 "$kibana" 2>/dev/null || [ "$waited" -ge 900 ]; then
        cat /tmp/optimize.log >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
kill "$kibana"
wait "$kibana" || true
