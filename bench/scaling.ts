// What a second process gives, and what PgBouncer costs: requests a second of reads and of writes, as ratios to one process. `bun
// bench/scaling.ts [rounds]`. Everything runs at once and takes turns of two seconds, so that neighbours disturb all alike. Servers,
// database, pooler and clients share one machine: on few cores they compete, and a second process cannot double anything.
import { cpus } from 'node:os';
import type { Entry } from '../src/entries/schemas.ts';
import { startPgbouncer } from '../test/harness/pgbouncer.ts';
import { startPostgres } from '../test/harness/postgres.ts';
import { commandLine, root } from '../test/harness/target.ts';
import { openWorkshop } from '../test/runtime/process.ts';
import { median } from './start-time.ts';

const rounds = Number(process.argv[2] ?? 10);
const turnMilliseconds = 2000;
const clients = 32;

const workshop = openWorkshop();
const program = commandLine([], 'binary');
const postgres = await startPostgres({ version: 18 });
const databaseUrl = await postgres.createDatabase();
const pooler = await startPgbouncer({ server: postgres, settingsFile: `${root}deploy/scaling/pgbouncer.ini` });

async function start(count: number, url: string): Promise<string[]> {
  const env = { DATABASE_URL: url, DIRECT_DATABASE_URL: databaseUrl, DEBUG: 'true' };
  const bases: string[] = [];
  for (let server = 0; server < count; server += 1) {
    const one = workshop.launch(['serve'], { program, env });
    await one.logged('ready');
    bases.push(await one.url());
  }
  return bases;
}

const variants = {
  'one process': await start(1, databaseUrl),
  'two processes': await start(2, databaseUrl),
  'two through PgBouncer': await start(2, pooler.url(databaseUrl)),
};

const headers = { 'content-type': 'application/json' };
const body = JSON.stringify({ text: 'Grey cat by the harbour', nickname: 'Shadow' });
const [base] = variants['one process'];
const seen = (await (await fetch(`${base}/entries`, { method: 'POST', headers, body })).json()) as Entry;
const kinds = {
  reads: (of: string) => fetch(`${of}/entries/${seen.id}`),
  writes: (of: string) => fetch(`${of}/entries`, { method: 'POST', headers, body }),
};

/** Answers a second when every client asks again as soon as it has its answer. */
async function turn(bases: readonly string[], call: (of: string) => Promise<Response>): Promise<number> {
  const began = performance.now();
  let answers = 0;
  const client = async (number: number) => {
    while (performance.now() - began < turnMilliseconds) {
      const answer = await call(bases[number % bases.length] ?? '');
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return (answers * 1000) / (performance.now() - began);
}

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, bun ${process.versions['bun']}, ${rounds} rounds, ${clients} clients in this process`,
);
for (const [kind, call] of Object.entries(kinds)) {
  const rates = new Map<string, number[]>();
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1)
    for (const [name, bases] of Object.entries(variants)) {
      const rate = await turn(bases, call);
      if (round > 0) rates.set(name, [...(rates.get(name) ?? []), rate]);
    }
  const one = rates.get('one process') ?? [];
  for (const [name, values] of rates) {
    const ratio = median(values.map((value, round) => value / (one[round] ?? Number.NaN)));
    console.log(`${kind.padEnd(7)} ${name.padEnd(22)} ${ratio.toFixed(2)}   ${median(values).toFixed(0)} a second`);
  }
}
await workshop.close();
await pooler.stop();
await postgres.stop();
