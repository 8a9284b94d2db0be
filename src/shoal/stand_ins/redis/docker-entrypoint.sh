#!/bin/sh
# Runs redis-server with its options or configuration file, as the user redis; anything else as it is.
set -e

case "${1:-}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis:redis '{}' +
        # By its path: busybox's shell would take its own setpriv, which can't change users.
        exec /usr/bin/setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
    fi
    # Debian's Redis talks to its own host only unless told otherwise; a container is of no use then.
    shift
    case " $* " in
        *" --protected-mode "*) ;;
        *) set -- "$@" --protected-mode no ;;
    esac
    umask 0077
    exec redis-server "$@"
fi

exec "$@"
