#!/bin/sh
# Brings the example up. $1: --stand-ins where no registry answers, else nothing.
# The engine's own metrics need an address that containers reach: its setting metrics-addr.
set -eu
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

port=$(sed -n 's/.*host\.docker\.internal:\([0-9]*\).*/\1/p' prometheus/prometheus.yml | tail -n 1)
listens() { awk -v port=":$(printf %04X "$port")\$" '$2 ~ port && $4 == "0A" { found = 1 } END { exit !found }' /proc/net/tcp; }

# `shoal daemon start` alone gives it seven words: python -m shoal.daemon --root … --run …
is_plain() {
    [ -z "${SHOAL_HOST:-}${DOCKER_HOST:-}" ] && pid=$(cat /run/shoal/shoald.pid 2>/dev/null) &&
        [ "$(tr '\0' '\n' < "/proc/$pid/cmdline" | grep -c .)" -eq 7 ]
}

if ! listens; then
    if ! is_plain; then
        echo "The engine has settings of its own. Add this line to /etc/shoal/shoal.toml, and start the engine again:" >&2
        echo "    metrics-addr = \"host-gateway:$port\"" >&2
        exit 1
    fi
    echo "The engine is started again, with its metrics where containers of this host find them. Containers run on."
    show shoal daemon stop
    show shoal daemon start -- --metrics-addr "host-gateway:$port"
fi

show shoal compose up -d --wait ${1:-}
show shoal compose ps
