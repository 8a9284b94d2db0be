#!/bin/sh
# Starts Kibana with the settings of kibana.yml and of variables (ELASTICSEARCH_HOSTS, SERVER_NAME, …), as 5.1 understands them.
set -e
cd /usr/share/kibana
echo "This is a stand-in: Kibana 5.1.1."
node/bin/node stand-in/settings.js config/kibana.yml >/tmp/kibana.yml
exec node/bin/node --no-warnings src/cli --config /tmp/kibana.yml "$@"
