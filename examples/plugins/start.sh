#!/bin/sh
# Starts both plugins and shows each at work. $1: --stand-ins where no registry answers, else nothing.
# PLUGINS, STATE: where they listen and keep what is theirs.
set -eu
sockets=${PLUGINS:-/run/docker/plugins}
state=${STATE:-/var/lib}
show() { printf '\033[1m$ %s\033[0m\n' "$*"; "$@"; }

listens() { python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1" 2>/dev/null; }

mkdir -p "$sockets"
for name in boxes wires; do
    listens "$sockets/$name.sock" && continue
    printf '\033[1m$ python3 %s/%s.py &\033[0m\n' "$name" "$name"
    setsid python3 "$name/$name.py" --socket "$sockets/$name.sock" --root "$state/$name" >"$sockets/$name.log" 2>&1 </dev/null &
    echo $! >"$sockets/$name.pid"
    tries=0
    until listens "$sockets/$name.sock"; do
        tries=$((tries + 1))
        [ $tries -lt 50 ] || { cat "$sockets/$name.log" >&2; exit 1; }
        sleep 0.1
    done
done

show shoal info --format '{{json .Plugins}}'
show shoal volume create -d boxes -o size=16m example-box
show shoal run --rm ${1:-} -v example-box:/data busybox df -h /data
show shoal network create -d wires --subnet "${SUBNET:-10.239.5.0/24}" example-lines
show shoal run -d --name example-one --network example-lines busybox sleep 600
show shoal run --rm --network example-lines busybox ping -c 1 example-one
show shoal run --rm --network example-lines busybox ip route
show shoal rm -f example-one
show shoal network rm example-lines
show shoal volume rm example-box
