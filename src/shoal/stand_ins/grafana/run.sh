#!/bin/sh
# As the official image starts its server: anything that is no option is a command of its own.
set -e
umask 0027

for name in DATA LOGS; do
    eval folder="\$GF_PATHS_$name"
    [ -w "$folder" ] || echo "GF_PATHS_$name='$folder' is not writable." >&2
done
[ -z "${GF_INSTALL_PLUGINS:-}" ] || echo "This is a stand-in for Grafana: it has no plugins (GF_INSTALL_PLUGINS='$GF_INSTALL_PLUGINS')." >&2

case "${1:-}" in
    "" | -*) exec python3 -m panelist "$@" ;;
    *) exec "$@" ;;
esac
