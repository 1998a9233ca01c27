import type { Sql, Tx } from './connect.ts';
import { sqlStateOf } from './errors.ts';

const attempts = 3;

/** Serialization failure and deadlock: the server has rolled back and asks for another try. */
const retryStates = new Set(['40001', '40P01']);

/**
 * Runs `work` in a transaction: committed when it resolves, rolled back when it throws. May run `work` again (up to three
 * times) when the database asks for it, so `work` must do nothing but queries on `tx`. The driver refuses a query on `tx` after
 * its connection is gone; after the end of the transaction this does.
 */
export async function transaction<T>(sql: Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await sql.begin((tx) => whileOpen(tx, work))) as T;
    } catch (error) {
      const state = sqlStateOf(error);
      if (attempt >= attempts || state === undefined || !retryStates.has(state)) throw error;
      // Jitter, so that two that deadlocked do not meet again.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * attempt));
    }
  }
}

/** A query issued after the end would run outside the transaction, on a connection that others use. */
async function whileOpen<T>(tx: Tx, work: (tx: Tx) => Promise<T>): Promise<T> {
  let open = true;
  const guarded = new Proxy(tx, {
    apply(target, self, args) {
      if (!open) throw new Error('a query was issued after its transaction had ended');
      return Reflect.apply(target, self, args);
    },
  });
  try {
    return await work(guarded);
  } finally {
    open = false;
  }
}
