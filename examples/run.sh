#!/bin/sh
# Brings up one of the examples: `examples/run.sh guestbook-mongo`. Started by `make example NAME=…`, which has installed everything.
#
# An example that is more than a Compose file has a start.sh, which is given the words for stand-ins ("--stand-ins" or
# nothing). All others: `shoal compose up`.
set -eu
examples=$(cd "$(dirname "$0")" && pwd)
name=${1:-}
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

if [ -z "$name" ] || [ ! -f "$examples/$name/README.md" ]; then
    [ -z "$name" ] || echo "There is no example \"$name\"." >&2
    echo "Say which: make example NAME=…" >&2
    for readme in "$examples"/*/README.md; do
        folder=$(dirname "$readme")
        printf '  %-20s %s\n' "$(basename "$folder")" "$(sed -n '3p' "$readme")" >&2
    done
    exit 2
fi

if ! shoal version >/dev/null 2>&1; then
    show shoal daemon start
fi

cd "$examples/$name"
# A registry answers for every image or for none: one that is small, and that every registry has, tells.
stand_ins=
if ! refused=$(shoal pull --quiet busybox:latest 2>&1); then
    case $refused in
    *stand-in*)
        echo "$refused" | sed -n 1p
        echo "So stand-ins are asked for: images made on this machine from Debian's packages. Once, this takes some minutes."
        stand_ins=--stand-ins
        ;;
    *)
        echo "$refused" >&2
        exit 1
        ;;
    esac
fi

if [ -x ./start.sh ]; then
    ./start.sh $stand_ins
else
    show shoal compose up -d --wait $stand_ins
    show shoal compose ps
fi
printf '\nWhat to look at, and how to stop it: examples/%s/README.md\n' "$name"
