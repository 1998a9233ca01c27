import { chownSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { type RunningPostgres, run, serverUser, startPostgres } from './postgres.ts';

/** A hot standby: a second server that replays, by streaming replication, what the first one writes. */
export interface Standby {
  readonly server: RunningPostgres;
  /** The same database on the standby. */
  url(databaseUrl: string): string;
  /** Resolves once everything that is committed on the primary now can be seen here. */
  caughtUp(): Promise<void>;
  /** Ends the replication: from now on it takes writes. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

const catchUpDeadline = 20_000;

/** Makes a standby of a running server from a base backup (chapter "Continuous Archiving", low-level API: no pg_basebackup needed). */
export async function startStandby(primary: RunningPostgres): Promise<Standby> {
  const server = await startPostgres({
    version: primary.version,
    settings: { primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${new URL(primary.url).username}` },
    makeData: (dataDirectory) => makeBaseBackup(primary, dataDirectory),
  });
  return {
    server,
    url(databaseUrl) {
      const url = new URL(databaseUrl);
      url.port = String(server.port);
      return url.href;
    },
    caughtUp: () => waitUntilReplayed(primary, server),
    async promote() {
      await withConnection(server.url, async (sql) => {
        const [row] = await sql<[{ promoted: boolean }]>`select pg_promote(true, 30) as promoted`;
        if (!row.promoted) throw new Error('the standby was not promoted within 30 s');
      });
    },
    stop: () => server.stop(),
  };
}

async function makeBaseBackup(primary: RunningPostgres, dataDirectory: string): Promise<void> {
  await withConnection(primary.url, async (sql) => {
    await sql`select pg_backup_start('standby', fast => true)`;
    run('cp', ['-a', primary.dataDirectory, dataDirectory]);
    const [row] = await sql<[{ labelfile: string }]>`select labelfile from pg_backup_stop(wait_for_archive => false)`;
    for (const name of ['postmaster.pid', 'postmaster.opts']) rmSync(join(dataDirectory, name), { force: true });
    // The log of the copy may end in the middle of a record: all of it comes from the primary.
    for (const entry of readdirSync(join(dataDirectory, 'pg_wal'), { withFileTypes: true }))
      if (entry.isFile()) rmSync(join(dataDirectory, 'pg_wal', entry.name));
    const owner = serverUser();
    for (const [name, text] of [
      ['backup_label', row.labelfile],
      ['standby.signal', ''],
    ] as const) {
      const path = join(dataDirectory, name);
      writeFileSync(path, text);
      if (owner) chownSync(path, owner.uid, owner.gid);
    }
  });
}

async function waitUntilReplayed(primary: RunningPostgres, standby: RunningPostgres): Promise<void> {
  const position = await withConnection(primary.url, async (sql) => {
    // An end of a transaction that waits for the disk takes every earlier one with it (synchronous_commit is off).
    await sql.begin(async (tx) => {
      await tx`set local synchronous_commit = on`;
      await tx`select pg_logical_emit_message(true, 'standby', 'everything before this')`;
    });
    const [row] = await sql<[{ position: string }]>`select pg_current_wal_flush_lsn()::text as position`;
    return row.position;
  });
  await withConnection(standby.url, async (sql) => {
    const end = performance.now() + catchUpDeadline;
    for (;;) {
      const [row] = await sql<[{ replayed: boolean; at: string }]>`
        select pg_last_wal_replay_lsn() >= ${position}::pg_lsn as replayed, pg_last_wal_replay_lsn()::text as at`;
      if (row.replayed) return;
      if (performance.now() > end)
        throw new Error(`the standby is at ${row.at} of ${position} after ${catchUpDeadline} ms`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
}

async function withConnection<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
