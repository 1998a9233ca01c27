import type { SettingValues } from '../config/settings.ts';
import { deedsOfCommands } from '../database/rights.ts';
import { type Check, checkOf, describeError, type Finding, isLoopback, sayBytes } from './check.ts';
import { checkDamage, type DamageFacts } from './damage.ts';
import type { DatabaseFacts, DeedGrants, OpenTransaction, Privileges, ServerFacts } from './database-facts.ts';
import type { DirectFacts, ReplicaFacts } from './database-target.ts';
import { type Blocker, judgeBlockers } from './lock-checks.ts';

/** The checks of an open database, by name and in order. */
const titles = {
  'database.reachable': 'Reachable',
  'database.version': 'Version',
  'database.encoding': 'Encoding',
  'database.privileges': 'Privileges',
  'database.rights': 'Rights of commands',
  'database.writable': 'Takes writes',
  'database.clock': 'Clock',
  'database.tls': 'TLS',
  'database.pooler': 'Pooler',
  'database.replica': 'Replica',
  'database.connections': 'Connections',
  'database.timeouts': 'Time limits',
  'database.durability': 'Durability',
  'database.damage': 'Damage',
  'database.transactions': 'Long transactions',
  'database.locks': 'Locks',
  'database.age': 'Wraparound',
  'database.size': 'Size',
} as const;

type CheckId = keyof typeof titles;

const check = (id: CheckId) => checkOf(id, titles[id]);

/** Every check of a database that cannot be asked: the first says why, the others that they could not be made. */
export function checkClosedDatabase(reachable: Pick<Check, 'verdict' | 'found' | 'advice'>): Check[] {
  return Object.entries(titles).map(([id, title]) =>
    id === 'database.reachable'
      ? { id, title, ...reachable }
      : reachable.verdict === 'fail'
        ? checkOf(id, title).unasked('the database cannot be reached')
        : checkOf(id, title).unknown('the database could not be asked'),
  );
}

/** What is known besides the facts of the database itself. */
export interface DatabaseSurroundings {
  values: Partial<SettingValues>;
  kind: 'postgresql' | 'embedded';
  /** The address as it may be shown, or the directory of the embedded one. */
  place: string;
  /** Of DATABASE_URL; undefined for the embedded one. */
  host: string | undefined;
  /** Undefined when there is no DIRECT_DATABASE_URL. */
  direct: Finding<DirectFacts> | undefined;
  /** Undefined when there is no REPLICA_DATABASE_URL. */
  replica: Finding<ReplicaFacts> | undefined;
  privileges: Finding<Privileges>;
  /** What the role of DATABASE_URL lacks for the commands. */
  grants: Finding<DeedGrants[]>;
  blockers: Finding<Blocker[]>;
  damage: Finding<DamageFacts>;
}

/** Judges an open database. */
export function checkDatabase(facts: DatabaseFacts, around: DatabaseSurroundings): Check[] {
  const { server } = facts;
  return [
    check('database.reachable').pass(around.place),
    judge('database.version', server, judgeVersion),
    judge('database.encoding', server, judgeEncoding),
    judge('database.privileges', around.privileges, (privileges) => judgePrivileges(privileges, server, around)),
    judgeRights(around),
    judge('database.writable', server, judgeWritable),
    judge('database.clock', facts.clock, judgeClock),
    judge('database.tls', server, (value) => judgeTls(value, isPooledBy(facts), around)),
    judge('database.pooler', facts.pooled, (pooled) => judgePooler(pooled, facts, around)),
    judgeReplica(facts, around),
    judge('database.connections', server, (value) => judgeConnections(value, around)),
    judge('database.timeouts', server, (value) => judgeTimeouts(value, isPooledBy(facts), around)),
    judge('database.durability', server, (value) => judgeDurability(value, around)),
    checkDamage(around.damage),
    judge('database.transactions', facts.openTransactions, (open, transactions) =>
      judgeTransactions(open, facts.hiddenSessions, transactions),
    ),
    judge('database.locks', around.blockers, judgeBlockers),
    judge('database.age', facts.age, ({ transactions, multixacts }) => judgeAge(Math.max(transactions, multixacts))),
    judge('database.size', facts.size, (bytes, size) => size.pass(sayBytes(bytes))),
  ];
}

type Judge = ReturnType<typeof checkOf>;

function judge<T>(id: CheckId, finding: Finding<T>, work: (value: T, judge: Judge) => Check): Check {
  const title = check(id);
  return 'value' in finding
    ? work(finding.value, title)
    : title.unasked(`the database did not say: ${describeError(finding.error)}`);
}

function isPooledBy({ pooled }: DatabaseFacts): boolean {
  return 'value' in pooled && pooled.value;
}

/** Versions that every statement is tested on. A newer one is likely to work. */
const oldestVersion = 15;
const newestVersion = 18;

function judgeVersion({ version, version_number: number }: ServerFacts, { pass, warn, fail }: Judge): Check {
  const major = Math.floor(number / 10_000);
  const found = `PostgreSQL ${version}`;
  if (major < oldestVersion) return fail(found, `Upgrade the server: ${oldestVersion} or newer is needed.`);
  if (major > newestVersion)
    return warn(found, `This version of the program is tested on ${oldestVersion} to ${newestVersion}.`);
  return pass(found);
}

function judgeEncoding({ encoding, database }: ServerFacts, { pass, fail }: Judge): Check {
  return encoding === 'UTF8'
    ? pass('UTF8')
    : fail(encoding, `Create a database with encoding UTF8, and move the data of ${database} there.`);
}

function judgePrivileges(
  { creates, unusable, foreign }: Privileges,
  server: Finding<ServerFacts>,
  { kind, values }: DatabaseSurroundings,
): Check {
  const { pass, warn, fail } = check('database.privileges');
  const { role = 'the role', schema = null, superuser = false } = 'value' in server ? server.value : {};
  if ('value' in server && schema === null)
    return fail(
      'no schema of the search path exists',
      `Create the schema, or correct it: alter role ${role} set search_path`,
    );
  if (unusable.length > 0)
    return fail(
      `${role} may not read and write ${unusable.join(', ')}`,
      `grant select, insert, update, delete on ${unusable.join(', ')} to ${role}`,
    );
  const missing = [
    ...(creates ? [] : [`may not create tables in the schema ${schema}`]),
    ...(foreign.length > 0 ? [`does not own ${foreign.join(', ')}`] : []),
  ];
  // Whoever migrates by another address does so as another role.
  if (missing.length > 0 && values.DIRECT_DATABASE_URL === undefined)
    return warn(
      `${role} reads and writes, but ${missing.join(' and ')}`,
      `It cannot migrate: set DIRECT_DATABASE_URL to an address with a role that can, or grant create on schema ${schema} to ${role}, and alter table … owner to ${role}.`,
    );
  if (superuser && kind === 'postgresql')
    return warn(
      `${role} is a superuser, who may read every file of the server`,
      'Give the program a role of its own: create role catatlas login; alter database … owner to catatlas.',
    );
  return pass(missing.length > 0 ? `${role} reads and writes; DIRECT_DATABASE_URL migrates` : `${role} has all`);
}

/** Commands other than serve go by DIRECT_DATABASE_URL where there is one. */
function judgeRights({ kind, direct, grants }: DatabaseSurroundings): Check {
  const { pass, warn, unasked } = check('database.rights');
  if (kind === 'embedded') return pass('all: there is one role');
  const theirs = direct === undefined ? grants : 'error' in direct ? direct : direct.value.grants;
  if ('error' in grants) return unasked(`the database did not say: ${describeError(grants.error)}`);
  if ('error' in theirs)
    return unasked(`the database of DIRECT_DATABASE_URL did not say: ${describeError(theirs.error)}`);
  const lacking = deedsOfCommands.flatMap(({ command, deed }) => {
    const found = (deed === 'serve' ? grants : theirs).value.find((each) => each.deed === deed)?.grants ?? [];
    return found.length > 0 && !command.includes('--') ? [{ command, found }] : [];
  });
  if (lacking.length === 0) return pass('serve, migrate, backup, restore, copy, import and seed have theirs');
  const statements = [...new Set(lacking.flatMap(({ found }) => found))];
  return warn(
    `these would be refused: ${lacking.map(({ command }) => command).join(', ')}`,
    `Where they are to run, let the owner or a superuser run: ${statements.join('; ')}`,
  );
}

function judgeWritable({ replica, read_only }: ServerFacts, { pass, fail }: Judge): Check {
  if (replica) return fail('it is a replica, which is only read', 'Set DATABASE_URL to the primary.');
  return read_only
    ? fail(
        'default_transaction_read_only is on',
        'Find out who set it (a full disk, a failover under way?), then switch it off.',
      )
    : pass('yes');
}

/** Above these the moments of rows and of log lines no longer fit together. In milliseconds. */
const clockLimits = { warn: 2000, fail: 60_000 };

function judgeClock(
  { milliseconds, uncertainty }: { milliseconds: number; uncertainty: number },
  { pass, warn, fail }: Judge,
): Check {
  const off = Math.max(0, Math.abs(milliseconds) - uncertainty);
  const size =
    Math.abs(milliseconds) < 1000
      ? `${Math.round(Math.abs(milliseconds))} ms`
      : `${(Math.abs(milliseconds) / 1000).toFixed(1)} s`;
  const found = `${size} ${milliseconds < 0 ? 'behind' : 'ahead of'} this machine (± ${Math.ceil(uncertainty)} ms)`;
  const advice = 'One of the two clocks is wrong: see that both machines keep time by NTP.';
  if (off > clockLimits.fail) return fail(found, advice);
  return off > clockLimits.warn ? warn(found, advice) : pass(found);
}

function judgeTls({ tls }: ServerFacts, pooled: boolean, { kind, host }: DatabaseSurroundings): Check {
  const { pass, warn, unknown } = check('database.tls');
  if (kind === 'embedded') return pass('not needed: the database is in the same process');
  if (pooled) return unknown('the server tells of the pooler, and not of the way there');
  if (tls !== null) return pass(tls);
  if (host === undefined || isLoopback(host) || host.startsWith('/'))
    return pass('not used; the server is on this machine');
  return warn(
    `not used on the way to ${host}: whoever is between reads the password and the data`,
    'Append ?sslmode=verify-full&sslrootcert=system to DATABASE_URL (or the file of its authority), or sslmode=require if the certificate cannot be checked. On a network that encrypts itself (Fly.io, WireGuard) it is not needed.',
  );
}

function judgePooler(pooled: boolean, facts: DatabaseFacts, { kind, direct }: DatabaseSurroundings): Check {
  const { pass, warn, fail, unknown } = check('database.pooler');
  if (kind === 'embedded') return pass('none');
  if (direct === undefined)
    return pooled
      ? warn(
          'there is one, and no DIRECT_DATABASE_URL',
          'Set DIRECT_DATABASE_URL to the address of the server itself: migrations are safer on it.',
        )
      : pass('none');
  const found = pooled ? 'there is one' : 'none';
  if ('error' in direct)
    return fail(
      `${found}; DIRECT_DATABASE_URL: no connection: ${describeError(direct.error)}`,
      'Correct DIRECT_DATABASE_URL: migrations and moving data go by it.',
    );
  const { identity, pooled: directPooled } = direct.value;
  if (directPooled)
    return warn(
      `${found}; DIRECT_DATABASE_URL leads through one`,
      'Set DIRECT_DATABASE_URL to the address of the server itself.',
    );
  if ('error' in identity || 'error' in facts.identity)
    return unknown(`${found}; the server does not say whether DIRECT_DATABASE_URL leads to the same database`);
  return identity.value === facts.identity.value
    ? pass(`${found}; DIRECT_DATABASE_URL leads to the same database`)
    : fail(
        `${found}; DIRECT_DATABASE_URL leads to another database`,
        'Both must lead to the same database: migrations would be applied where nobody looks.',
      );
}

/** Further behind than this, in seconds, and people do not find what they have just written. */
const replicaLagSeconds = 10;

function judgeReplica(facts: DatabaseFacts, { replica }: DatabaseSurroundings): Check {
  const { pass, warn, fail, unknown } = check('database.replica');
  if (replica === undefined) return pass('none');
  if ('error' in replica)
    return fail(
      `REPLICA_DATABASE_URL: no connection: ${describeError(replica.error)}`,
      'Correct REPLICA_DATABASE_URL: servers outside of PRIMARY_REGION read from it.',
    );
  const { identity, replication } = replica.value;
  if ('value' in identity && 'value' in facts.identity && identity.value !== facts.identity.value)
    return fail(
      'REPLICA_DATABASE_URL leads to another database',
      'It must lead to a replica of the database that DATABASE_URL names.',
    );
  if (!replication.replica)
    return warn(
      'REPLICA_DATABASE_URL leads to a server that takes writes itself',
      'Set it to a replica, or leave it out: then reads go by DATABASE_URL.',
    );
  if (!replication.receiving)
    return fail(
      'the replica receives nothing from its primary',
      'See its log: what is read from it gets older and older.',
    );
  const found = `follows, ${replication.lag.toFixed(1)} s behind`;
  if (replication.lag > replicaLagSeconds)
    return warn(found, 'People do not see what they have just written. See what keeps it: load, disk, network.');
  return 'error' in identity ? unknown(`${found}; it does not say of which database`) : pass(found);
}

function judgeConnections(facts: ServerFacts, { kind, values }: DatabaseSurroundings): Check {
  const { pass, warn, fail, unknown } = check('database.connections');
  if (kind === 'embedded') return pass('one, for this process');
  const { DATABASE_POOL_SIZE: size, DATABASE_POOL_OVERFLOW: overflow } = values;
  if (size === undefined || overflow === undefined)
    return unknown('the size of the pool is not known: see the settings');
  const ours = size + overflow;
  const allowed = Math.min(facts.max_connections, facts.connection_limit ?? Number.POSITIVE_INFINITY);
  const free = allowed - facts.used_connections;
  const found = `${allowed} allowed, ${facts.used_connections} in use by others; a server of ours takes up to ${ours}`;
  const advice = 'Lower DATABASE_POOL_SIZE and DATABASE_POOL_OVERFLOW, raise the limit, or put a pooler in front.';
  if (allowed < ours) return fail(found, advice);
  // The others may be servers of ours, which have theirs already.
  return free < ours ? warn(found, `There may not be enough for one more server. ${advice}`) : pass(found);
}

function judgeTimeouts(facts: ServerFacts, pooled: boolean, { kind, values }: DatabaseSurroundings): Check {
  const { pass, warn } = check('database.timeouts');
  if (kind === 'embedded') return pass('none: it is one process, and a statement ends when it ends');
  const seconds = values.DATABASE_STATEMENT_TIMEOUT_SECONDS ?? 5;
  const idle = values.DATABASE_IDLE_TIMEOUT_SECONDS ?? 300;
  const { role } = facts;
  const statements =
    facts.statement_timeout === 0 ? 'statement_timeout none' : `statement_timeout ${facts.statement_timeout} ms`;
  const problems: { what: string; advice: string }[] = [];
  if (pooled && facts.statement_timeout === 0)
    problems.push({
      what: 'behind a pooler the program cannot set statement_timeout, and the role has none',
      advice: `alter role ${role} set statement_timeout = '${seconds}s'`,
    });
  if (facts.transaction_timeout)
    problems.push({
      what: `transaction_timeout is ${facts.transaction_timeout} ms`,
      advice: `Commands of this program lift it; it ends pg_dump and other programs that take longer: alter role ${role} set transaction_timeout = 0`,
    });
  if (facts.idle_session_timeout && facts.idle_session_timeout < idle * 1000)
    problems.push({
      what: `idle_session_timeout is ${facts.idle_session_timeout} ms`,
      advice: `The server closes connections that the pool would use again: set DATABASE_IDLE_TIMEOUT_SECONDS below ${Math.floor(facts.idle_session_timeout / 1000)}.`,
    });
  if (problems.length > 0)
    return warn(problems.map(({ what }) => what).join('; '), problems.map(({ advice }) => advice).join(' '));
  return pass(
    pooled ? `of the role: ${statements}` : `of the role: ${statements}; the program sets its own, ${seconds} s`,
  );
}

function judgeDurability(
  { fsync, full_page_writes, synchronous_commit }: ServerFacts,
  { kind }: DatabaseSurroundings,
): Check {
  const { pass, warn } = check('database.durability');
  if (kind === 'embedded') return pass('survives the death of the process, not a loss of power (no fsync)');
  if (!fsync || !full_page_writes)
    return warn(
      `fsync ${fsync ? 'on' : 'off'}, full_page_writes ${full_page_writes ? 'on' : 'off'}: a crash of the machine may destroy the database`,
      'Switch both on in postgresql.conf, unless the storage of the platform sees to it.',
    );
  return synchronous_commit === 'off'
    ? warn(
        'synchronous_commit is off: a crash loses what was answered in the last moments',
        'Switch it on, unless that is meant.',
      )
    : pass(`fsync and full_page_writes on, synchronous_commit ${synchronous_commit}`);
}

function judgeTransactions(
  open: readonly OpenTransaction[],
  hidden: Finding<number>,
  { pass, warn, unknown, unasked }: Judge,
): Check {
  if (open.length === 0) {
    if ('error' in hidden) return unasked(`the database did not say: ${describeError(hidden.error)}`);
    return hidden.value === 0
      ? pass('none')
      : unknown(
          `none that this role can see; ${hidden.value === 1 ? '1 session' : `${hidden.value} sessions`} of other roles hide theirs`,
          'To see them: grant pg_read_all_stats to the role.',
        );
  }
  const list = open.map(({ pid, role, application, state, seconds }) =>
    pid === null
      ? `one prepared by ${role} ${Math.round(seconds / 60)} min ago`
      : `pid ${pid} of ${role}${application ? ` (${application})` : ''}, ${state}, for ${Math.round(seconds / 60)} min`,
  );
  return warn(
    list.join('; '),
    'They hold up migrations and keep dead rows from being removed. If nobody needs them: select pg_terminate_backend(pid), or rollback prepared.',
  );
}

/** Transaction numbers have 32 bits, half of them in the past; autovacuum fights from 200 million on. */
const ageLimits = { warn: 500_000_000, fail: 1_500_000_000, stop: 2 ** 31 };

function judgeAge(age: number): Check {
  const { pass, warn, fail } = check('database.age');
  const found = `oldest rows ${age.toLocaleString('en')} transactions old, ${Math.round((age / ageLimits.stop) * 100)} % of what is possible`;
  const advice = 'Autovacuum does not keep up: look for long transactions and replication slots, then vacuum (freeze).';
  if (age > ageLimits.fail) return fail(found, advice);
  return age > ageLimits.warn ? warn(found, advice) : pass(found);
}
