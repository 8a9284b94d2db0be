#!/bin/sh
# Runs RabbitMQ's programs as the user rabbitmq; anything else as it is.
set -e

case "${1:-}" in
    rabbitmq*)
        if [ "$(id -u)" = 0 ]; then
            [ "$1" != rabbitmq-server ] || find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq '{}' +
            exec setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups -- "$0" "$@"
        fi
        ;;
esac

# Who knows the cookie may command the node: the node's own user, and, in an exec, root.
cookie=/var/lib/rabbitmq/.erlang.cookie
if [ -n "${RABBITMQ_ERLANG_COOKIE:-}" ] && [ ! -e "$cookie" ]; then
    (umask 077 && printf '%s\n' "$RABBITMQ_ERLANG_COOKIE" > "$cookie")
fi

exec "$@"
