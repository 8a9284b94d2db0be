#!/bin/bash
# Runs mongod with its options as the user mongodb; anything else as it is. On the first start, with an empty data
# folder, it makes the root user of MONGO_INITDB_ROOT_USERNAME and _PASSWORD (or of the files that the same names with
# _FILE give) and runs the scripts of /docker-entrypoint-initdb.d.
set -Eeuo pipefail

case "${1:-}" in
    -*) set -- mongod "$@" ;;
esac

if [[ "${1:-}" == mongo* && "$(id -u)" == 0 ]]; then
    find /data/configdb /data/db \! -user mongodb -exec chown mongodb '{}' +
    # Logs may be sent to the container's output, which belongs to root.
    chown --dereference mongodb /proc/self/fd/1 /proc/self/fd/2 2>/dev/null || true
    exec setpriv --reuid=mongodb --regid=mongodb --clear-groups -- "$BASH_SOURCE" "$@"
fi

# The value of a variable, or of the file that NAME_FILE names.
file_env() {
    local name=$1 file_name=${1}_FILE
    if [[ -n "${!name:-}" && -n "${!file_name:-}" ]]; then
        echo >&2 "error: both $name and $file_name are set (but are exclusive)"
        exit 1
    fi
    if [[ -n "${!file_name:-}" ]]; then
        export "$name"="$(<"${!file_name}")"
    fi
    unset "$file_name"
}

# The value of an option, given as --name value or --name=value.
option() {
    local name=$1
    shift
    while (($#)); do
        case "$1" in
            "$name="*) echo "${1#*=}"; return ;;
            "$name") echo "${2:-}"; return ;;
            *) ;;
        esac
        shift
    done
}

has_option() {
    local name=$1 word
    shift
    for word; do
        [[ "$word" != "$name" && "$word" != "$name="* ]] || return 0
    done
    return 1
}

initialize() {
    local data=$1 file log=$1/docker-initdb.log
    # Nobody but this script reaches it: its own address, and no users yet.
    if ! mongod --dbpath "$data" --bind_ip 127.0.0.1 --port 27017 --fork --logpath "$log" >/dev/null; then
        cat "$log" >&2
        exit 1
    fi
    if [[ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ]]; then
        mongosh --quiet --host 127.0.0.1 --norc admin --eval '
            db.createUser({
                user: process.env.MONGO_INITDB_ROOT_USERNAME,
                pwd: process.env.MONGO_INITDB_ROOT_PASSWORD,
                roles: [{role: "root", db: "admin"}],
            })' >/dev/null
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) echo "$0: running $file"; . "$file" ;;
            *.js)
                echo "$0: running $file"
                mongosh --quiet --host 127.0.0.1 --norc "${MONGO_INITDB_DATABASE:-test}" "$file"
                ;;
            *'/*') ;;
            *) echo "$0: ignoring $file" ;;
        esac
    done
    mongod --dbpath "$data" --shutdown >/dev/null
    rm -f "$log"
    echo
    echo 'MongoDB init process complete; ready for start up.'
    echo
}

if [[ "${1:-}" == mongod ]]; then
    file_env MONGO_INITDB_ROOT_USERNAME
    file_env MONGO_INITDB_ROOT_PASSWORD
    if [[ -n "${MONGO_INITDB_ROOT_USERNAME:-}" && -z "${MONGO_INITDB_ROOT_PASSWORD:-}" ]] ||
        [[ -z "${MONGO_INITDB_ROOT_USERNAME:-}" && -n "${MONGO_INITDB_ROOT_PASSWORD:-}" ]]; then
        echo >&2 'error: missing MONGO_INITDB_ROOT_USERNAME or MONGO_INITDB_ROOT_PASSWORD: both are needed to make a user'
        exit 1
    fi
    data=$(option --dbpath "$@")
    data=${data:-/data/db}
    if [[ ! -e "$data/WiredTiger" && ! -e "$data/storage.bson" ]]; then
        if [[ -n "${MONGO_INITDB_ROOT_USERNAME:-}" || -n "$(ls -A /docker-entrypoint-initdb.d 2>/dev/null)" ]]; then
            initialize "$data"
        fi
    fi
    if [[ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ]] && ! has_option --auth "$@"; then
        set -- "$@" --auth
    fi
    if ! has_option --bind_ip "$@" && ! has_option --bind_ip_all "$@"; then
        set -- "$@" --bind_ip_all
    fi
    unset "${!MONGO_INITDB_@}"
fi

exec "$@"
