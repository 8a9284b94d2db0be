#!/bin/sh
# Options alone are memcached's.
set -e
case ${1:-} in
-*) set -- memcached "$@" ;;
esac
exec "$@"
