// On the first start: the app's own user, who can read and write one database and nothing else.
const password = require('fs').readFileSync('/run/secrets/guestbook_password', 'utf8').trim();
db.getSiblingDB('python-microservice').createUser({
  user: 'guestbook',
  pwd: password,
  roles: [{ role: 'readWrite', db: 'python-microservice' }],
});
