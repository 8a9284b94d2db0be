#!/bin/sh
# Brings the counter app up and shows it counting. Started by `make demo`, which has installed everything.
set -eu
cd "$(dirname "$0")/counter"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }
shoal=$(command -v shoal)

say "1. The engine"
if shoal version >/dev/null 2>&1; then
    echo "It is running already."
else
    show shoal daemon start
fi

say "2. The app: a Flask page and Redis, from examples/counter/docker-compose.yml"
stand_ins=
if ! shoal image inspect redis:alpine python:alpine >/dev/null 2>&1; then
    echo "Pulling redis:alpine from docker.io"
    if ! refused=$(shoal pull --quiet redis:alpine 2>&1); then
        echo "$refused" | sed -n 1p
        case $refused in
        *stand-in*) ;;
        *) exit 1 ;;
        esac
        echo "So we ask for stand-ins: images made on this machine from Debian's packages."
        echo "That takes a minute or two, once."
        stand_ins=--stand-ins
    fi
fi
# shellcheck disable=SC2086
show shoal compose up -d $stand_ins

say "3. Three visits to http://localhost:5000"
for visit in 1 2 3; do
    curl --silent --fail --retry 20 --retry-delay 1 --retry-all-errors http://localhost:5000/ |
        sed -n 's/.*<h1>\(.*\)<\/h1>.*/\1/p'
done

say "4. What runs"
show shoal compose ps

say "It keeps running. Open http://localhost:5000, or stop it:"
sudo=${SUDO_UID:+sudo }
echo "  the app:     $sudo$shoal compose -f $PWD/docker-compose.yml down"
echo "  the engine:  $sudo$shoal daemon stop"
