#!/usr/bin/env bash
# Runs postgres as the user postgres; anything else as it is. On the first start it makes the cluster of PGDATA with
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, and runs what is in /docker-entrypoint-initdb.d.
set -eo pipefail

# value NAME [DEFAULT]: sets the variable NAME, from the file that NAME_FILE names if that is set.
value() {
    local file="${1}_FILE"
    if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
        echo "error: $1 and $file are both set: one of them is enough" >&2
        exit 1
    fi
    if [ -n "${!file:-}" ]; then
        export "$1=$(<"${!file}")"
    else
        export "$1=${!1:-${2:-}}"
    fi
    unset "$file"
}

make_folders() {
    install -d -m 0700 "$PGDATA"
    chmod 3777 /var/run/postgresql 2>/dev/null || true
    if [ "$(id -u)" = 0 ]; then
        find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
        find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
        if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
            install -d -m 0700 -o postgres -g postgres "$POSTGRES_INITDB_WALDIR"
        fi
    fi
}

check_password() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        echo "error: the database is new and no superuser password is given: set POSTGRES_PASSWORD or" \
            "POSTGRES_PASSWORD_FILE (or POSTGRES_HOST_AUTH_METHOD=trust, which lets everyone in)" >&2
        exit 1
    fi
}

make_cluster() {
    local options=()
    [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || options+=(--waldir "$POSTGRES_INITDB_WALDIR")
    # The arguments of POSTGRES_INITDB_ARGS are quoted as in a shell.
    eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") "${options[@]}" '"${POSTGRES_INITDB_ARGS:-}"
    local method="${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption -D "$PGDATA")}"
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

sql() {
    local database=(--dbname "$POSTGRES_DB")
    [ $# = 0 ] || database=()
    PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" "${database[@]}" "$@"
}

make_database() {
    local found
    found=$(sql --dbname postgres --tuples-only --set db="$POSTGRES_DB" <<< "SELECT 1 FROM pg_database WHERE datname = :'db'")
    if [ -z "$found" ]; then
        sql --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db"'
    fi
}

run_scripts() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh)
                echo "$0: $file"
                if [ -x "$file" ]; then "$file"; else . "$file"; fi
                ;;
            *.sql) echo "$0: $file"; sql < "$file"; echo ;;
            *.sql.gz) echo "$0: $file"; gunzip -c "$file" | sql; echo ;;
            *.sql.xz) echo "$0: $file"; xzcat "$file" | sql; echo ;;
            *.sql.zst) echo "$0: $file"; zstd -dc "$file" | sql; echo ;;
            '/docker-entrypoint-initdb.d/*') ;;
            *) echo "$0: left out: $file" ;;
        esac
    done
}

first_start() {
    check_password
    # Before anything is made: scripts that can't be read shall not leave half a database behind.
    ls /docker-entrypoint-initdb.d/ > /dev/null
    make_cluster
    export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
    # Until all is ready nobody reaches it from outside: health checks that ask its address wait.
    shift
    local arguments
    printf -v arguments '%q ' "$@" -c listen_addresses='' -p "${PGPORT:-5432}"
    NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -o "$arguments" -w start
    make_database
    run_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

[ "${1:0:1}" != - ] || set -- postgres "$@"

if [ "${1:-}" = postgres ] && ! [[ " $* " =~ \ (-\?|--help|--describe-config|-V|--version)\  ]]; then
    make_folders
    if [ "$(id -u)" = 0 ]; then
        exec gosu postgres "$BASH_SOURCE" "$@"
    fi
    if [ -s "$PGDATA/PG_VERSION" ]; then
        printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
    else
        value POSTGRES_PASSWORD
        value POSTGRES_USER postgres
        value POSTGRES_DB "$POSTGRES_USER"
        value POSTGRES_INITDB_ARGS
        first_start "$@"
    fi
fi

exec "$@"
