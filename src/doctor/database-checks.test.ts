import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Deed } from '../database/rights.ts';
import { checkClosedDatabase, checkDatabase, type DatabaseSurroundings } from './database-checks.ts';
import type { DatabaseFacts, ServerFacts } from './database-facts.ts';

const server: ServerFacts = {
  version: '18.4',
  version_number: 180_004,
  encoding: 'UTF8',
  database: 'cats',
  role: 'keeper',
  schema: 'public',
  superuser: false,
  replica: false,
  read_only: false,
  tls: 'TLSv1.3',
  max_connections: 97,
  used_connections: 20,
  connection_limit: null,
  statement_timeout: 0,
  idle_session_timeout: 0,
  transaction_timeout: null,
  fsync: true,
  full_page_writes: true,
  synchronous_commit: 'on',
};

const facts: DatabaseFacts = {
  pooled: { value: false },
  server: { value: server },
  clock: { value: { milliseconds: 40, uncertainty: 3 } },
  size: { value: 8_000_000 },
  age: { value: { transactions: 1000, multixacts: 1 } },
  openTransactions: { value: [] },
  hiddenSessions: { value: 0 },
  invalidIndexes: { value: [] },
  identity: { value: '7/5' },
};

const around: DatabaseSurroundings = {
  values: { DATABASE_POOL_SIZE: 5, DATABASE_POOL_OVERFLOW: 10, DATABASE_IDLE_TIMEOUT_SECONDS: 300 },
  kind: 'postgresql',
  place: 'postgresql://keeper:***@db.example/cats',
  host: 'db.example',
  direct: undefined,
  replica: undefined,
  privileges: { value: { creates: true, unusable: [], foreign: [] } },
  grants: { value: [] },
  blockers: { value: [] },
  damage: { value: { checksums: true, failures: 0, bytes: 1000, unreadable: [], read: true } },
};

/** What becomes of one check when some facts are others. */
function judged(id: string, changed: Partial<DatabaseFacts> & { around?: Partial<DatabaseSurroundings> }) {
  const { around: other, ...rest } = changed;
  const check = checkDatabase({ ...facts, ...rest }, { ...around, ...other }).find(
    (one) => one.id === `database.${id}`,
  );
  assert.ok(check);
  return [check.verdict, check.found, check.advice ?? ''] as const;
}

const saying = (changed: Partial<ServerFacts>) => ({ server: { value: { ...server, ...changed } } });

function assertJudged(result: readonly [string, string, string], verdict: string, found: RegExp, advice = /^/): void {
  assert.equal(result[0], verdict, result[1]);
  assert.match(result[1], found);
  assert.match(result[2], advice);
}

test('a healthy database passes in everything', () => {
  const checks = checkDatabase(facts, around);
  assert.deepEqual(
    checks.filter(({ verdict, advice }) => verdict !== 'pass' || advice !== null),
    [],
  );
});

test('one that cannot be reached has the same checks, none asked but the first', () => {
  const closed = checkClosedDatabase({ verdict: 'fail', found: 'no connection', advice: 'start it' });
  assert.deepEqual(
    closed.map(({ id }) => id),
    checkDatabase(facts, around).map(({ id }) => id),
  );
  assert.deepEqual(
    new Set(closed.slice(1).map(({ verdict, found }) => `${verdict}: ${found}`)),
    new Set(['unasked: not asked, because the database cannot be reached']),
  );
  // Where there is none yet, nobody was to ask it.
  const absent = checkClosedDatabase({ verdict: 'unknown', found: 'there is none yet', advice: null });
  assert.deepEqual(new Set(absent.map(({ verdict }) => verdict)), new Set(['unknown']));
});

test('a question that fails leaves the others', () => {
  const checks = checkDatabase({ ...facts, server: { error: new Error('permission denied') } }, around);
  assert.match(checks.find(({ id }) => id === 'database.version')?.found ?? '', /did not say: permission denied/);
  assert.equal(checks.find(({ id }) => id === 'database.version')?.verdict, 'unasked');
  assert.equal(checks.find(({ id }) => id === 'database.clock')?.verdict, 'pass');
});

test('transactions that this role may not see are no proof that there are none', () => {
  assertJudged(
    judged('transactions', { hiddenSessions: { value: 2 } }),
    'unknown',
    /2 sessions of other roles hide/,
    /grant/,
  );
  assertJudged(judged('transactions', { hiddenSessions: { error: new Error('x') } }), 'unasked', /did not say: x/);
});

describe('what is wrong', () => {
  test('version and encoding', () => {
    assertJudged(
      judged('version', saying({ version: '14.9', version_number: 140_009 })),
      'fail',
      /14\.9/,
      /15 or newer/,
    );
    assertJudged(judged('version', saying({ version: '15.0', version_number: 150_000 })), 'pass', /15\.0/);
    assertJudged(judged('version', saying({ version: '19beta1', version_number: 190_000 })), 'warn', /19/);
    assertJudged(judged('encoding', saying({ encoding: 'SQL_ASCII' })), 'fail', /SQL_ASCII/);
  });

  test('a clock that is off, as far as that can be known', () => {
    const off = (milliseconds: number, uncertainty = 1) =>
      judged('clock', { clock: { value: { milliseconds, uncertainty } } });
    assertJudged(off(-61_500), 'fail', /^61\.5 s behind/);
    assertJudged(off(3000), 'warn', /^3\.0 s ahead of/);
    assertJudged(off(3000, 1500), 'pass', /± 1500 ms/);
  });

  test('privileges', () => {
    const may = (value: { creates: boolean; unusable: string[]; foreign: string[] }, more = {}) =>
      judged('privileges', { around: { privileges: { value }, ...more } });
    assertJudged(
      may({ creates: true, unusable: ['cats'], foreign: [] }),
      'fail',
      /may not read and write cats/,
      /^grant /,
    );
    const reader = { creates: false, unusable: [], foreign: ['cats'] };
    assertJudged(may(reader), 'warn', /may not create tables in the schema public and does not own cats/);
    assertJudged(
      may(reader, { values: { ...around.values, DIRECT_DATABASE_URL: 'x' } }),
      'pass',
      /DIRECT_DATABASE_URL/,
    );
    assertJudged(judged('privileges', saying({ superuser: true })), 'warn', /superuser/);
    assertJudged(judged('privileges', saying({ schema: null })), 'fail', /no schema of the search path/);
  });

  test('rights of commands', () => {
    const grants = (deed: Deed, statement: string) => ({ value: [{ deed, grants: [statement] }] });
    assertJudged(judged('rights', {}), 'pass', /theirs/);
    assertJudged(
      judged('rights', { around: { grants: grants('read all', 'grant select on sequence s to keeper') } }),
      'warn',
      /refused: backup create, copy$/,
      /run: grant select on sequence s to keeper$/,
    );
    const direct = { value: { pooled: false, identity: { value: '7/5' }, grants: { value: [] } } };
    assertJudged(judged('rights', { around: { grants: grants('migrate', 'x'), direct } }), 'pass', /theirs/);
    assertJudged(judged('rights', { around: { grants: grants('serve', 'x'), direct } }), 'warn', /serve/);
    assertJudged(judged('rights', { around: { grants: { error: new Error('gone') } } }), 'unasked', /gone/);
    assertJudged(judged('rights', { around: { direct: { error: new Error('gone') } } }), 'unasked', /gone/);
  });

  test('no writes', () => {
    assertJudged(judged('writable', saying({ replica: true })), 'fail', /replica/, /primary/);
    assertJudged(judged('writable', saying({ read_only: true })), 'fail', /default_transaction_read_only/);
  });

  test('TLS', () => {
    assertJudged(judged('tls', saying({ tls: null })), 'warn', /db\.example/, /sslmode=verify-full/);
    assertJudged(judged('tls', { ...saying({ tls: null }), around: { host: '127.0.0.1' } }), 'pass', /this machine/);
    assertJudged(judged('tls', { ...saying({ tls: null }), pooled: { value: true } }), 'unknown', /pooler/);
  });

  test('poolers', () => {
    const behind = { pooled: { value: true } };
    assertJudged(judged('pooler', behind), 'warn', /no DIRECT_DATABASE_URL/);
    const direct = (pooled: boolean, identity: string) => ({
      ...behind,
      around: { direct: { value: { pooled, identity: { value: identity }, grants: { value: [] } } } },
    });
    assertJudged(judged('pooler', direct(false, '7/5')), 'pass', /same database/);
    assertJudged(judged('pooler', direct(false, '7/6')), 'fail', /another database/);
    assertJudged(judged('pooler', direct(true, '7/5')), 'warn', /leads through one/);
    const broken = { ...behind, around: { direct: { error: new Error('refused') } } };
    assertJudged(judged('pooler', broken), 'fail', /no connection: refused/);
    const mute = { ...direct(false, '7/5'), identity: { error: new Error('permission denied') } };
    assertJudged(judged('pooler', mute), 'unknown', /does not say/);
  });

  test('replica', () => {
    const follows = { replica: true, receiving: true, lag: 0 };
    const replica = (replication: typeof follows, identity = '7/5') => ({
      around: { replica: { value: { replication, identity: { value: identity } } } },
    });
    assertJudged(judged('replica', {}), 'pass', /none/);
    assertJudged(judged('replica', replica(follows)), 'pass', /0\.0 s behind/);
    assertJudged(judged('replica', replica({ ...follows, lag: 11 })), 'warn', /11\.0 s behind/, /load/);
    assertJudged(judged('replica', replica({ ...follows, receiving: false })), 'fail', /receives nothing/, /log/);
    assertJudged(judged('replica', replica({ ...follows, replica: false })), 'warn', /takes writes/, /leave it out/);
    assertJudged(judged('replica', replica(follows, '8/5')), 'fail', /another database/);
    const broken = { around: { replica: { error: new Error('refused') } } };
    assertJudged(judged('replica', broken), 'fail', /no connection: refused/, /Correct REPLICA_DATABASE_URL/);
    const mute = { around: { replica: { value: { replication: follows, identity: { error: new Error('denied') } } } } };
    assertJudged(judged('replica', mute), 'unknown', /which database/);
  });

  test('connections', () => {
    assertJudged(judged('connections', saying({ connection_limit: 14 })), 'fail', /14 allowed/);
    assertJudged(judged('connections', saying({ used_connections: 90 })), 'warn', /90 in use/);
    assertJudged(judged('connections', saying({ used_connections: 82 })), 'pass', /up to 15/);
    assertJudged(judged('connections', { around: { values: {} } }), 'unknown', /not known/);
  });

  test('time limits', () => {
    const behind = { pooled: { value: true } };
    assertJudged(judged('timeouts', behind), 'warn', /role has none/, /alter role keeper set statement_timeout = '5s'/);
    assertJudged(judged('timeouts', { ...behind, ...saying({ statement_timeout: 5000 }) }), 'pass', /5000 ms/);
    assertJudged(judged('timeouts', saying({ transaction_timeout: 9000 })), 'warn', /transaction_timeout is 9000 ms/);
    assertJudged(judged('timeouts', saying({ idle_session_timeout: 60_000 })), 'warn', /idle/, /below 60/);
    assertJudged(judged('timeouts', saying({ idle_session_timeout: 600_000 })), 'pass', /5 s/);
  });

  test('durability', () => {
    assertJudged(judged('durability', saying({ fsync: false })), 'warn', /fsync off/);
    assertJudged(judged('durability', saying({ synchronous_commit: 'off' })), 'warn', /synchronous_commit is off/);
  });

  test('transactions and age', () => {
    const open = [
      { pid: 42, role: 'anna', application: 'psql', state: 'idle in transaction', seconds: 4000 },
      { pid: null, role: 'anna', application: null, state: 'prepared', seconds: 700 },
    ];
    assertJudged(
      judged('transactions', { openTransactions: { value: open } }),
      'warn',
      /pid 42 of anna \(psql\), idle in transaction, for 67 min; one prepared by anna 12 min ago/,
    );
    const aged = (transactions: number, multixacts = 0) =>
      judged('age', { age: { value: { transactions, multixacts } } });
    assertJudged(aged(600_000_000), 'warn', /28 %/);
    assertJudged(aged(5, 1_900_000_000), 'fail', /1,900,000,000/);
  });
});

test('the embedded one is not asked for what it cannot have', () => {
  const checks = checkDatabase(
    { ...facts, ...saying({ superuser: true, fsync: false, tls: null, max_connections: 1 }) },
    { ...around, kind: 'embedded', host: undefined, place: 'embedded, in /data' },
  );
  assert.deepEqual(
    checks.filter(({ verdict }) => verdict !== 'pass'),
    [],
  );
});
