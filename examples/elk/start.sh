#!/bin/sh
# Deploys the stack; a cluster of this one machine is made where there is none.
set -eu
cd "$(dirname "$0")"
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

if [ "$(shoal info --format '{{.Swarm.LocalNodeState}}')" != active ]; then
    show shoal swarm init --advertise-addr 127.0.0.1
fi
show shoal stack deploy -c docker-stack.yml --detach=false "$@" elk
show shoal stack services elk
