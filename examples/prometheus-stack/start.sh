#!/bin/sh
# Brings the example up. $1: --stand-ins where no registry answers, else nothing.
# cAdvisor is told where this engine's socket and root are: by default it looks for Docker's.
set -eu
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

host=${SHOAL_HOST:-${DOCKER_HOST:-unix:///run/shoal/shoal.sock}}
case $host in
unix://*) export DOCKER_SOCKET="/rootfs${host#unix://}" ;;
*)
    echo "cAdvisor reads this machine: the engine must be reached by a socket, not at $host" >&2
    exit 1
    ;;
esac
DOCKER_ROOT=$(shoal info --format '{{.DockerRootDir}}')
export DOCKER_ROOT
printf '\033[1m$ export DOCKER_SOCKET=%s DOCKER_ROOT=%s\033[0m\n' "$DOCKER_SOCKET" "$DOCKER_ROOT"
show shoal compose up -d --wait ${1:-}
show shoal compose ps
