#!/bin/sh
# Puts variables into /etc/nginx/templates/*.template, runs the scripts of /docker-entrypoint.d, then the command.
set -e

case "${1:-}" in
    nginx | nginx-debug)
        names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
        find /etc/nginx/templates -follow -type f -name '*.template' | while read -r template; do
            target="/etc/nginx/conf.d/${template#/etc/nginx/templates/}"
            target="${target%.template}"
            mkdir -p "$(dirname "$target")"
            envsubst "$names" < "$template" > "$target"
        done
        for script in $(find /docker-entrypoint.d -follow -type f | sort); do
            case "$script" in
                *.envsh) . "$script" ;;
                *.sh) [ ! -x "$script" ] || "$script" ;;
            esac
        done
        ;;
esac

exec "$@"
