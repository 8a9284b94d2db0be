'use strict';
// Settings of a newer Kibana as 5.1 takes them: prints its kibana.yml. What it does not know is left out, and said.
const fs = require('fs');
const yaml = require('js-yaml');

const KNOWN = [
  'server.host', 'server.port', 'server.name', 'server.basePath', 'server.maxPayloadBytes',
  'elasticsearch.url', 'elasticsearch.requestTimeout', 'elasticsearch.pingTimeout', 'elasticsearch.shardTimeout',
  'kibana.index', 'kibana.defaultAppId', 'logging.silent', 'logging.quiet', 'logging.verbose', 'logging.dest',
];

function flat(tree, prefix, found) {
  for (const name of Object.keys(tree || {})) {
    const value = tree[name];
    if (value && typeof value === 'object' && !Array.isArray(value)) flat(value, `${prefix}${name}.`, found);
    else found[prefix + name] = value;
  }
  return found;
}

/** {name: value} of variables: ELASTICSEARCH_HOSTS is elasticsearch.hosts. */
function ofEnvironment(env) {
  const found = {};
  const named = {};
  for (const name of KNOWN.concat('elasticsearch.hosts')) named[name.toUpperCase().replace(/\./g, '_')] = name;
  for (const name of Object.keys(env)) if (named[name]) found[named[name]] = env[name];
  return found;
}

function translated(file, env) {
  const said = Object.assign(flat(file, '', {}), ofEnvironment(env));
  const hosts = said['elasticsearch.hosts'];
  if (hosts !== undefined) {
    delete said['elasticsearch.hosts'];
    said['elasticsearch.url'] = String(Array.isArray(hosts) ? hosts[0] : hosts).replace(/^\[?\s*"?|"?\s*\]?$/g, '');
  }
  if (said['server.host'] === '0' || said['server.host'] === 0) said['server.host'] = '0.0.0.0';
  if (said['server.port'] !== undefined) said['server.port'] = Number(said['server.port']);
  const ignored = Object.keys(said).filter((name) => KNOWN.indexOf(name) < 0);
  for (const name of ignored) delete said[name];
  return { said, ignored };
}

const text = fs.existsSync(process.argv[2]) ? fs.readFileSync(process.argv[2], 'utf8') : '';
const result = translated(yaml.safeLoad(text), process.env);
if (result.ignored.length) console.error(`Ignored here: ${result.ignored.join(', ')}`);
process.stdout.write(yaml.safeDump(result.said));
