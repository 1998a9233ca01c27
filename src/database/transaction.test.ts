import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sql, Tx } from './connect.ts';
import { transaction } from './transaction.ts';

/** A pool whose transactions end as told, one after another; the last outcome repeats. */
function poolOf(...outcomes: (string | undefined)[]) {
  let begun = 0;
  const begin = async (work: (tx: Tx) => Promise<unknown>) => {
    const code = outcomes[Math.min(begun, outcomes.length - 1)];
    begun += 1;
    const result = await work({} as Tx);
    // As the server does: it may refuse at the commit, after all the work.
    if (code !== undefined) throw Object.assign(new Error(`refused with ${code}`), { code });
    return result;
  };
  return { sql: { begin } as unknown as Sql, begun: () => begun };
}

test('transaction() tries again when the server asks for it', async () => {
  for (const code of ['40001', '40P01']) {
    const pool = poolOf(code, code, undefined);
    assert.equal(await transaction(pool.sql, async () => 'done'), 'done');
    assert.equal(pool.begun(), 3, code);
  }
});

test('transaction() gives up after three times', async () => {
  const pool = poolOf('40001');
  await assert.rejects(
    transaction(pool.sql, async () => 'done'),
    { code: '40001' },
  );
  assert.equal(pool.begun(), 3);
});

test('transaction() does nothing twice for any other error', async () => {
  for (const code of ['23505', '57014', '55P03', 'CONNECTION_CLOSED', 'QUERY_TIMEOUT']) {
    const pool = poolOf(code, undefined);
    await assert.rejects(
      transaction(pool.sql, async () => 'done'),
      { code },
    );
    assert.equal(pool.begun(), 1, code);
  }
});
