#!/bin/sh
# Gives mosquitto its folders and runs the command; mosquitto itself goes on as the user mosquitto.
set -e

if [ "$(id -u)" = 0 ] && [ -d /mosquitto ]; then
    # a configuration may be mounted read-only
    chown -R mosquitto:mosquitto /mosquitto 2>/dev/null || true
fi

exec "$@"
