// Only what Kibana needs at work, and jquery from the registry: one of its parts asks for it at a git address.
const fs = require('fs');
const file = process.argv[2];
const said = JSON.parse(fs.readFileSync(file));
delete said.devDependencies;
delete said.scripts;
delete said.engines;
said.overrides = { jquery: '2.1.4' };
fs.writeFileSync(file, JSON.stringify(said, null, 2));
