#!/bin/sh
exec /usr/local/lib/mongosh/node /usr/local/lib/mongosh/mongosh.js "$@"
