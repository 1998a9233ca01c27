import type { Session, Sql, Tx } from './connect.ts';
import { sqlStateOf } from './errors.ts';

const attempts = 3;

/** Serialization failure and deadlock: the server has rolled back and asks for another try. */
const retryStates = new Set(['40001', '40P01']);

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it throws. May run `work` again (up to three
 * times) when the database asks for it, so `work` must do nothing but queries on `tx`. The patched driver refuses a query on `tx`
 * after the connection is gone (CONNECTION_CLOSED) and after the transaction has ended (TRANSACTION_ENDED): it would run outside.
 */
export async function transaction<T>(sql: Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  return await retried(async () => (await sql.begin(work)) as T);
}

/** Writes by one statement, again (up to three times) when the database asks for it. */
export async function retried<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      const state = sqlStateOf(error);
      if (attempt >= attempts || state === undefined || !retryStates.has(state)) throw error;
      // Jitter, so that two that deadlocked do not meet again.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * attempt));
    }
  }
}

/** Runs reads that have to agree with each other: all of them see the database as it was at the first one. */
export async function snapshot<T>(sql: Sql, read: (tx: Tx) => Promise<T>): Promise<T> {
  return (await sql.begin('isolation level repeatable read read only', read)) as T;
}

/** Lifts transaction_timeout for the transaction that is open: behind a pooler nothing can be set for a session. */
export async function liftTransactionLimit(sql: Tx | Session): Promise<void> {
  await sql`select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout' and setting <> '0'`;
}
