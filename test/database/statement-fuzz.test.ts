// The driver, by random sequences of statements: CATATLAS_FUZZ_SEQUENCES of them (500 by default; 20000 in the nightly run), from
// the seed CATATLAS_FUZZ_SEED on. A failure names its seed: with that one and one sequence it is repeated.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectPostgres } from '../../src/database/connect.ts';
import { through } from '../faults/interfere.ts';
import { startPostgres, testedVersions } from '../harness/postgres.ts';
import { startProxy } from '../harness/proxy.ts';
import { type FuzzServer, prepareFuzz, runSequence } from './statement-fuzz.ts';

const sequences = wholeNumber('CATATLAS_FUZZ_SEQUENCES', 500);
const firstSeed = wholeNumber('CATATLAS_FUZZ_SEED', 20_261_130);

function wholeNumber(name: string, otherwise: number): number {
  const value = Number(process.env[name] ?? otherwise);
  assert.ok(Number.isSafeInteger(value) && value > 0, `${name} is no whole number above 0`);
  return value;
}

for (const [index, version] of testedVersions.entries()) {
  // Shared out: each version gets its part of them.
  const share = Math.ceil(sequences / testedVersions.length);
  const from = firstSeed + index * share;
  // So long that only a run that hangs is ended by it.
  const timeout = 60_000 + share * 2000;
  test(`PostgreSQL ${version}: after each of ${share} sequences of statements the pool answers as a fresh connection does`, {
    timeout,
  }, async () => {
    const server = await startPostgres({ version });
    const proxy = await startProxy(server.port);
    const direct = connectPostgres({ url: server.url, applicationName: 'fresh', maxConnections: 1 });
    const fuzz: FuzzServer = { url: through(proxy, server.url), proxy, fresh: direct.sql };
    const began = performance.now();
    try {
      await prepareFuzz(fuzz);
      for (let seed = from; seed < from + share; seed += 1) await runSequence(seed, fuzz);
      const seconds = (performance.now() - began) / 1000;
      console.log(`fuzz: PostgreSQL ${version}, ${share} sequences in ${seconds.toFixed(1)} s`);
    } finally {
      await direct.close();
      await proxy.close();
      await server.stop();
    }
  });
}
