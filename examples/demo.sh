#!/bin/sh
# Brings the counter app up and shows it counting. Started by `make demo`, which has installed everything.
set -eu
cd "$(dirname "$0")/counter"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

say "1. The engine"
shoal daemon status >/dev/null 2>&1 && echo "shoald is running already" || show shoal daemon start

say "2. The app: a Flask page and Redis, from examples/counter/docker-compose.yml"
stand_ins=
if ! shoal image inspect redis:alpine python:alpine >/dev/null 2>&1 && ! shoal pull --quiet redis:alpine >/dev/null 2>&1; then
    echo "docker.io can't be reached from here. Asking for stand-ins: images made from this machine's"
    echo "distribution packages. The first time takes a minute or two."
    stand_ins=--stand-ins
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
echo "  cd examples/counter && shoal compose down     # the app"
echo "  shoal daemon stop                             # the engine"
