#!/usr/bin/env bash
# Puts WordPress into /var/www/html where there is none, and a wp-config.php that reads the WORDPRESS_… variables; then
# the command.
set -euo pipefail

owner=www-data
[ "$(id -u)" = 0 ] || owner=$(id -u)

copy_wordpress() {
    local leave_out=() path name
    # What is there already, mounted for instance, stays as it is.
    for path in /usr/src/wordpress/.htaccess /usr/src/wordpress/wp-content/*/*/; do
        path=${path%/}
        name=${path#/usr/src/wordpress/}
        [ ! -e "$name" ] || leave_out+=(--exclude "./$name")
    done
    echo >&2 "WordPress not found in $PWD - copying now..."
    tar --create --file - --directory /usr/src/wordpress --owner "$owner" --group "$(id -g "$owner")" \
        "${leave_out[@]}" . | tar --extract --file - --no-overwrite-dir
    echo >&2 "Complete! WordPress has been successfully copied to $PWD"
}

write_config() {
    echo >&2 "No 'wp-config.php' found in $PWD, but 'WORDPRESS_...' variables supplied; writing it"
    local line
    while IFS= read -r line; do
        # Each key gets a value of its own.
        printf '%s\n' "${line/put your unique phrase here/$(head -c 32 /dev/urandom | sha1sum | cut -d' ' -f1)}"
    done < /usr/src/wordpress/wp-config-docker.php > wp-config.php
    [ "$(id -u)" != 0 ] || chown "$owner:$owner" wp-config.php
}

case "${1:-}" in
    apache2* | php-fpm)
        [ -e index.php ] && [ -e wp-includes/version.php ] || copy_wordpress
        if [ ! -s wp-config.php ] && env | grep -q '^WORDPRESS_'; then write_config; fi
        ;;
    -*) set -- apache2-foreground "$@" ;;
esac

exec "$@"
