#!/bin/sh
# Gives Consul's agent its folders and addresses, and runs it as the user consul.
#
# CONSUL_BIND_INTERFACE, CONSUL_CLIENT_INTERFACE: interfaces whose addresses become -bind and -client
# CONSUL_LOCAL_CONFIG: a configuration as JSON
set -e
config=${CONSUL_CONFIG_DIR:-/consul/config}
data=${CONSUL_DATA_DIR:-/consul/data}

[ -z "$CONSUL_LOCAL_CONFIG" ] || echo "$CONSUL_LOCAL_CONFIG" > "$config/local.json"

case ${1:-} in
-*) set -- agent "$@" ;;
esac
case ${1:-} in
agent)
    shift
    # Consul itself knows how to find the address of an interface.
    [ -z "$CONSUL_CLIENT_INTERFACE" ] || set -- "-client={{ GetInterfaceIP \"$CONSUL_CLIENT_INTERFACE\" }}" "$@"
    [ -z "$CONSUL_BIND_INTERFACE" ] || set -- "-bind={{ GetInterfaceIP \"$CONSUL_BIND_INTERFACE\" }}" "$@"
    set -- consul agent -data-dir="$data" -config-dir="$config" "$@"
    ;;
version | info | members | join | leave | kv | catalog | monitor | operator | reload | validate) set -- consul "$@" ;;
esac

if [ "$1" = consul ] && [ "$(id -u)" = 0 ] && [ -z "$CONSUL_DISABLE_PERM_MGMT" ]; then
    chown consul:consul "$data" "$config" 2>/dev/null || true
    exec setpriv --reuid=consul --regid=consul --init-groups "$@"
fi
exec "$@"
