#!/bin/sh
# Downloads packages of Debian 11 into this folder: from the mirror of Debian 12, else from where old releases are kept.
set -e
mirror=$(sed -n 's/^deb \([^ ]*\) bookworm main.*/\1/p' /etc/apt/sources.list | head -1)
for from in "${mirror:-http://deb.debian.org/debian}" http://archive.debian.org/debian; do
    echo "deb [check-valid-until=no] $from bullseye main" > /etc/apt/sources.list.d/bullseye.list
    if apt-get -qq update -o APT::Update::Error-Mode=any && apt-get -qq download "$@"; then
        rm /etc/apt/sources.list.d/bullseye.list
        exit 0
    fi
done
echo "No mirror has Debian 11 (bullseye) any more, the last release with: $*" >&2
exit 1
