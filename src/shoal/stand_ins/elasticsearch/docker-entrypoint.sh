#!/bin/sh
# Runs Elasticsearch and its adapter as the user elasticsearch; anything else as it is.
set -e

case "${1:-}" in
    eswrapper | elasticsearch | -*)
        if [ "$(id -u)" = 0 ]; then
            find data logs \! -user elasticsearch -exec chown elasticsearch '{}' +
            set -- setpriv --reuid=elasticsearch --regid=elasticsearch --clear-groups -- \
                env PYTHONPATH=/usr/local/lib python3 -m es_adapter
        else
            export PYTHONPATH=/usr/local/lib
            set -- python3 -m es_adapter
        fi
        ;;
esac

exec "$@"
