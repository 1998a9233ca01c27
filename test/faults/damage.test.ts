// A page of the database is not what was written, as a failing disk leaves it.
import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectEmbedded, connectPostgres, type Sql } from '../../src/database/connect.ts';
import type { ReadinessReport } from '../../src/health/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { openWorkshop, type Program, type Workshop } from '../runtime/process.ts';

/** Writes sightings through the API, and stops the server in order. */
async function writeSightings(program: Program): Promise<void> {
  await program.logged('ready');
  const call = clientOf(await program.url());
  for (const text of ['One', 'Two']) assert.equal((await call('POST', '/entries', { json: { text } })).status, 200);
  program.signal('SIGTERM');
  assert.equal((await program.ended()).code, 0);
}

/** Where the sightings are, below the data directory. Everything is on the disk when this resolves. */
async function findFile(sql: Sql): Promise<string> {
  await sql`checkpoint`;
  const [row] = await sql<[{ path: string }]>`select pg_relation_filepath('entries') as path`;
  return row.path;
}

/** Makes the head of the first page one that no page has. */
function damagePage(file: string): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, new Uint8Array(24).fill(0xff), 0, 24, 0);
  closeSync(handle);
}

async function assertDamaged(call: Client, program: Program): Promise<void> {
  const { status, body, headers } = await call<Record<string, unknown>>('GET', '/entries/1');
  assert.deepEqual([status, body['code'], body['retryable']], [500, 'DATABASE_DAMAGED', false]);
  assert.equal(headers.get('retry-after'), null);
  assert.match(String(body['message']), /tell the operator/);
  const ready = await call<ReadinessReport>('GET', '/health/ready');
  assert.equal(ready.status, 503);
  assert.match(ready.body.checks.database.message, /^is damaged: .*restore a backup/);
  assert.ok(program.log.some((line) => line['level'] === 'ERROR' && line['code'] === 'DATABASE_DAMAGED'));
}

async function assertDoctorFinds(workshop: Workshop, env: Record<string, string>): Promise<void> {
  const { code, stdout } = await workshop.run(['doctor', '--json'], { env });
  assert.equal(code, 1);
  const { checks } = JSON.parse(stdout) as {
    checks: { id: string; verdict: string; found: string; advice: string | null }[];
  };
  const check = checks.find(({ id }) => id === 'database.damage');
  assert.equal(check?.verdict, 'fail', JSON.stringify(check));
  assert.match(check?.found ?? '', /^entries is damaged: /);
  assert.match(check?.advice ?? '', /backup restore/);
}

const environment = { DEBUG: 'true', LOG_LEVEL: 'INFO', SHUTDOWN_DRAIN_SECONDS: '0' };

describe('a damaged page', () => {
  let workshop: Workshop;
  before(() => {
    workshop = openWorkshop();
  });
  after(() => workshop.close());

  test('of the embedded database: an error that no second try cures, not ready, and doctor finds it', async () => {
    const DATA_DIR = join(workshop.folder, 'damaged');
    const env = { ...environment, DATA_DIR };
    await writeSightings(workshop.launch(['serve'], { env }));
    const database = await connectEmbedded({ dataDir: DATA_DIR });
    const file = await findFile(database.sql);
    await database.close();
    damagePage(join(DATA_DIR, 'postgres', file));
    const program = workshop.launch(['serve'], { env });
    await program.logged('ready');
    await assertDamaged(clientOf(await program.url()), program);
    program.signal('SIGTERM');
    assert.equal((await program.ended()).code, 0);
    await assertDoctorFinds(workshop, env);
  });

  for (const version of testedVersions)
    test(`of PostgreSQL ${version}: an error that no second try cures, not ready, and doctor finds it`, async () => {
      const server: RunningPostgres = await startPostgres({ version });
      try {
        const url = await server.createDatabase();
        const env = { ...environment, DATABASE_URL: url };
        await writeSightings(workshop.launch(['serve'], { env }));
        const database = connectPostgres({ url, applicationName: 'damage', maxConnections: 1 });
        const file = await findFile(database.sql);
        await database.close();
        await server.kill();
        damagePage(join(server.dataDirectory, file));
        await server.restart();
        const program = workshop.launch(['serve'], { env });
        await program.logged('ready');
        await assertDamaged(clientOf(await program.url()), program);
        await assertDoctorFinds(workshop, env);
        await program.kill();
      } finally {
        await server.stop();
      }
    });
});
