// transaction_timeout of a role (PostgreSQL 17 and later), behind a pooler, where no session can be told otherwise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandFailure } from '../../src/cli/command.ts';
import { asCommandFailure } from '../../src/cli/database-failure.ts';
import { ExitCode } from '../../src/cli/exit-codes.ts';
import { connectPostgres } from '../../src/database/connect.ts';
import { isDatabaseUnreachable, sqlStateOf } from '../../src/database/errors.ts';
import { liftTransactionLimit } from '../../src/database/transaction.ts';
import { startPostgres } from '../harness/postgres.ts';
import { failureOf } from './waiting.ts';

test('a transaction that lifts it goes on, and one that does not ends with the words of the server', async () => {
  const server = await startPostgres({ version: 18 });
  const admin = connectPostgres({ url: server.url, applicationName: 'test', maxConnections: 1 });
  await admin.sql.unsafe(`create role hasty superuser login; alter role hasty set transaction_timeout = '100ms'`);
  const url = server.url.replace('postgres@', 'hasty@');
  const database = connectPostgres({ url, applicationName: 'test', maxConnections: 1, unlimited: true, pooled: true });
  try {
    const error = await failureOf(database.sql.begin((tx) => tx`select pg_sleep(5)`));
    assert.equal(sqlStateOf(error), '25P04');
    assert.equal(isDatabaseUnreachable(error), false);
    const failure = asCommandFailure(error);
    assert.ok(failure instanceof CommandFailure);
    assert.equal(failure.exitCode, ExitCode.failure);
    assert.match(failure.message, /due to transaction timeout \(25P04\).*set transaction_timeout = 0/);
    await database.sql.begin(async (tx) => {
      await liftTransactionLimit(tx);
      await tx`select pg_sleep(0.4)`;
    });
    // Nothing of it stays with whoever gets the connection next.
    const [row] = await database.sql<[{ limit: string }]>`select current_setting('transaction_timeout') as limit`;
    assert.equal(row.limit, '100ms');
  } finally {
    await database.close();
    await admin.close();
    await server.stop();
  }
});

test('a server that does not know it is asked nothing', async () => {
  const server = await startPostgres({ version: 15 });
  const database = connectPostgres({ url: server.url, applicationName: 'test', maxConnections: 1 });
  try {
    await database.sql.begin(async (tx) => {
      await liftTransactionLimit(tx);
      await tx`select 1`;
    });
  } finally {
    await database.close();
    await server.stop();
  }
});
