#!/bin/sh
# Brings the guestbook up. Its networks are overlays: they need a cluster, be it of this node alone.
set -eu
cd "$(dirname "$0")"
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

if [ "$(shoal info --format '{{.Swarm.LocalNodeState}}')" != active ]; then
    show shoal swarm init --advertise-addr 127.0.0.1
fi
show shoal compose up -d --wait "$@"
show shoal compose ps
