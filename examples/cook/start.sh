#!/bin/sh
# Brings the example up. $1: --stand-ins where no registry answers, else nothing.
# `enroll` listens to the engine: its socket is shown to it. DOCKER_SOCKET names another one.
set -eu
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

if [ -z "${DOCKER_SOCKET:-}" ]; then
    case ${SHOAL_HOST:-} in
    unix://*) DOCKER_SOCKET=${SHOAL_HOST#unix://} ;;
    *) DOCKER_SOCKET=/run/shoal/shoal.sock ;;
    esac
fi
export DOCKER_SOCKET
show shoal compose up -d ${1:-}
show shoal compose up -d --no-recreate --wait lb user catalog # not for `data`, which ends at once
show shoal compose ps
