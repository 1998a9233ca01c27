import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseUrl, maskDatabaseUrl } from './database-address.ts';
import { readAs } from './kinds.ts';

test('accepts addresses of PostgreSQL', () => {
  for (const text of [
    'postgres://user:pass@host/db',
    'postgresql://user:pass@host:5432/catatlas',
    'postgresql://localhost/db?dbname=cats',
    'postgresql:///db?host=localhost&user=me',
    'postgresql://user@/db?host=/var/run/postgresql',
    'postgresql://localhost/catatlas',
    'postgresql://user:p%40ss%23word@host/db?sslmode=require',
    'postgresql://user:pa:ss@host/db',
    'postgresql://user@one:5432,two:5433/db',
    'postgresql://user@one,two:5433,[::1]:5434/db?target_session_attrs=read-write&sslmode=verify-full',
    'postgresql://user@[::1]:5432/db',
    'postgresql://user@%2Fvar%2Frun%2Fpostgresql/db',
    'postgresql://user@host/cats.db',
    'postgresql://user@host/db?sslmode=verify-full&channel_binding=require&options=endpoint%3Dcats',
  ])
    assert.deepEqual(readAs(databaseUrl, text), { value: text }, text);
  assert.deepEqual(readAs(databaseUrl, ' postgres://u@h/d\n'), { value: 'postgres://u@h/d' });
});

test('refuses everything else, and never repeats a secret', () => {
  for (const [text, pattern] of [
    ['sqlite:///canary.db', /SQLite/],
    ['sqlite:canary', /SQLite/],
    ['sqlite+aiosqlite:///canary.db', /SQLite/],
    ['SQLITE:///canary', /SQLite/],
    ['file:canary.db', /SQLite/],
    ['canary.db', /SQLite/],
    ['./data/canary.sqlite', /SQLite/],
    ['/var/lib/canary.sqlite3', /SQLite/],
    [':memory:', /SQLite/],
    ['postgresql+psycopg2://u:canary@h/d', /Python driver.*Begin it with postgresql:\/\//],
    ['postgres+asyncpg://u:canary@h/d', /Python driver/],
    ['mysql://u:canary@h/d', /begins with mysql:/],
    ['POSTGRES://u:canary@h/d', /capital letters.*small/],
    ['host=h password=canary dbname=d', /list of key words/],
    ['canary:word@host/db', /does not begin with postgres/],
    ['canary', /does not begin with postgres/],
    ['postgres:canary', /does not begin with postgres/],
    ['"postgresql://u:canary@h/d"', /Remove the quotes/],
    ['postgresql://u:canary#1@h/d', /has a #.*%23/],
    ['postgresql://u:can ary@h/d', /white space/],
    ['postgresql://u:canary@1@h/d', /@.*%40/],
    ['postgresql://u:canary/1@h/d', /%2F/],
    ['postgresql://u:12/canary@h', /%2F|%40/],
    ['postgresql://u:canary%@h/d', /% in the user name/],
    ['postgresql://u:canary%ff@h/d', /% in the user name/],
    ['postgresql://u:canary@/d', /names no host/],
    ['postgresql:///d', /names no host/],
    ['postgresql://u:canary@one,,two/d', /names no host/],
    ['postgresql://u:canary@h', /names no database/],
    ['postgresql://u:canary@h/', /names no database/],
    ['postgresql://u:canary@h/d/e', /more than the name/],
    ['postgresql://u:canary@h:port/d', /not a valid address/],
    ['postgresql://u:canary@h:99999/d', /not a valid address/],
    ['postgresql://u:canary@h/d?sslmode=canary', /unknown sslmode.*verify-full/],
    ['postgresql://u:canary@one,two/d?passfile=canary', /parameter passfile.*DATABASE_URL_FILE/],
    ['postgresql://u:canary@h/d?chanel_binding=canary', /chanel_binding.*channel_binding/],
    ['postgresql://u:canary@h/d?canary', /parameter without a value/],
    ['postgresql://u:canary@h/d?password=can=ary', /second = in the parameter password/],
    ['postgresql://u:canary@h/d?sslmode=require&channel_binding=require', /channel_binding=require.*verify-full/],
    ['postgresql://u:canary@h/d?sslrootcert=canary', /sslrootcert with sslmode=prefer.*verify-full/],
    ['postgresql://u:canary@h/d?sslrootcert=system&sslmode=require', /sslrootcert=system.*verify-full/],
    ['postgresql://u:canary@h/d?sslnegotiation=direct', /sslnegotiation=direct with sslmode=prefer/],
    ['postgresql://u:canary@/d?hostaddr=127.0.0.1&sslmode=verify-full', /without the name of a host/],
    ['postgresql://u:canary@h/d?target_session_attrs=canary', /unknown target_session_attrs.*read-write/],
  ] as const) {
    const reading = readAs(databaseUrl, text);
    assert.ok('wrong' in reading, `${text} was accepted`);
    const message = reading.wrong.map(({ problem, fix }) => `${problem} ${fix}`).join(' ');
    assert.match(message, pattern, text);
    assert.doesNotMatch(message, /canary/, text);
  }
});

test('masks passwords and unknown parameters', () => {
  for (const [text, masked] of [
    ['postgresql://user:canary@host:5432/db', 'postgresql://user:***@host:5432/db'],
    ['postgresql://user:can:ary@host/db', 'postgresql://user:***@host/db'],
    ['postgresql://user@host/db', 'postgresql://user@host/db'],
    ['postgresql://host/db', 'postgresql://host/db'],
    [
      'postgresql://host/db?sslmode=require&password=canary&x',
      'postgresql://host/db?sslmode=require&password=***&x=***',
    ],
    ['postgresql://:canary@one:1,two:2/db', 'postgresql://:***@one:1,two:2/db'],
    ['postgresql://one/db?target_session_attrs=read-write', 'postgresql://one/db?target_session_attrs=read-write'],
  ] as const)
    assert.equal(maskDatabaseUrl(text), masked);
});
