// Binaries and databases of different versions: newer, older, edited, renamed, missing, in the middle, side by side.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { type RunningPostgres, startPostgres, testedVersions } from '../harness/postgres.ts';
import { root } from '../harness/target.ts';
import { lastVersion, laterFile, makeVariant, migrationFileNames, type Variant } from '../harness/variant.ts';
import { type Ending, openWorkshop, type Workshop } from '../runtime/process.ts';
import { addColour, indexTexts } from './files.ts';
import { assertEveryIndexIsValid, doneOf, historyOf, inDatabase, insertEntries } from './inspection.ts';

const column = laterFile('add_colour');
const index = laterFile('index_of_texts', 2);
const rename = laterFile('rename_nickname');
const removal = laterFile('drop_photos');

const lastFile = migrationFileNames.at(-1) ?? '';
const originalOf = (file: string) => readFileSync(join(root, 'migrations', file), 'utf8');

const addBreed = `-- compat: expand
-- down: irreversible

alter table cats add column breed text;
`;

let workshop: Workshop;
const variants: Variant[] = [];

/** A binary beside the one under test, which ends at `lastVersion`. */
async function make(options: Parameters<typeof makeVariant>[0]): Promise<Variant['program']> {
  const variant = await makeVariant(options);
  variants.push(variant);
  return variant.program;
}

let expanding: Variant['program'];
let contracting: Variant['program'];
let irreversible: Variant['program'];

before(async () => {
  workshop = openWorkshop();
  expanding = await make({
    version: '1.1.0',
    migrations: {
      [column]: addColour,
      [index]: indexTexts,
    },
    sources: {
      'src/archive/tables.ts': (text) =>
        text.replace(
          `'location_country',\n    ],`,
          `'location_country',\n      { name: 'colour', since: ${lastVersion + 1} },\n    ],`,
        ),
    },
  });
  contracting = await make({
    version: '2.0.0',
    migrations: {
      [rename]: `-- compat: contract

alter table entries rename column nickname to name;

-- down:
alter table entries rename column name to nickname;
`,
    },
  });
  irreversible = await make({
    version: '3.0.0',
    migrations: {
      [removal]: `-- compat: contract
-- down: irreversible

alter table entries drop column photo_url;
`,
    },
  });
});
after(async () => {
  await workshop.close();
  for (const variant of variants) variant.dispose();
});

const environment = (url: string) => ({ DATABASE_URL: url, DEBUG: 'true' });

const run = (url: string, args: readonly string[], program?: Variant['program']): Promise<Ending> =>
  workshop.run(args, { env: environment(url), program });

const serve = (url: string, program?: Variant['program']) =>
  workshop.launch(['serve'], { env: environment(url), program });

async function succeed(url: string, args: readonly string[], program?: Variant['program']): Promise<string> {
  const { code, stdout, stderr } = await run(url, args, program);
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Both `migrate up` and `serve` end with this code, and say these things. */
async function assertRefused(url: string, code: number, texts: readonly RegExp[], program?: Variant['program']) {
  for (const args of [['migrate', 'up'], ['migrate', 'status'], ['serve']]) {
    const ending = await run(url, args, program);
    assert.equal(ending.code, code, `${args.join(' ')}: ${ending.stderr}`);
    for (const text of texts) assert.match(ending.stderr, text, args.join(' '));
  }
}

async function assertServes(url: string, program?: Variant['program']): Promise<void> {
  const server = serve(url, program);
  await server.logged('ready');
  const call = clientOf(await server.url());
  const made = await call<Entry>('POST', '/entries', { json: { text: 'still served', nickname: 'Smokey' } });
  assert.equal(made.status, 200, made.text);
  assert.equal((await call<Entry>('GET', `/entries/${made.body.id}`)).body.nickname, 'Smokey');
  await server.kill();
}

/** The binary under test makes no archive and no copy, which would leave out what it does not know, and says who can. */
async function assertNotBackedUp(url: string, version: string): Promise<void> {
  const folder = mkdtempSync(join(workshop.folder, 'refused-'));
  for (const args of [
    ['backup', 'create', join(folder, 'older.tar')],
    ['copy', '--to', join(folder, 'elsewhere')],
  ]) {
    const { code, stderr } = await run(url, args);
    assert.equal(code, 1, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /newer than this program .* would leave out what it does not know/);
    assert.match(stderr, new RegExp(`by ${version}[\\s\\S]*by the newer program.*it need not serve for that`));
  }
  assert.deepEqual(readdirSync(folder), []);
}

for (const version of testedVersions) {
  describe(`on PostgreSQL ${version}`, () => {
    let server: RunningPostgres;
    before(async () => {
      server = await startPostgres({ version });
    });
    after(() => server.stop());

    /** A database that this program has migrated: the binary under test unless another is given. */
    async function openDatabase(program?: Variant['program']): Promise<string> {
      const url = await server.createDatabase();
      await succeed(url, ['migrate', 'up'], program);
      return url;
    }

    describe('a database newer than the binary', () => {
      test('by expand migrations only: the older binary serves, and says so', async () => {
        const url = await openDatabase(expanding);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column, index]));
        const older = serve(url);
        await older.logged('ready');
        assert.match(older.output(), /database is newer than this binary; what is new is compatible/);
        const call = clientOf(await older.url());
        const made = await call<Entry>('POST', '/entries', { json: { text: 'by the older one' } });
        assert.equal(made.status, 200, made.text);
        assert.equal((await call('GET', '/entries')).status, 200);
        await assertNotBackedUp(url, '1\\.1\\.0');
        const archive = join(workshop.folder, `by-the-newer-${version}.tar`);
        await succeed(url, ['backup', 'create', archive], expanding);
        await succeed(url, ['backup', 'verify', archive], expanding);
        const replaced = await run(url, ['backup', 'restore', archive, '--replace']);
        assert.equal(replaced.code, 8, replaced.stderr);
        await older.kill();
        assert.match(await succeed(url, ['migrate', 'status', '--exit-code']), /compatible/);
        await succeed(url, ['migrate', 'up']);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column, index]));
      });

      test('by a contract migration: exit code 5 with advice; the older binary runs the stored down part, then serves', async () => {
        const url = await openDatabase();
        await insertEntries(url, 3);
        await succeed(url, ['migrate', 'up'], contracting);
        await assertRefused(url, 5, [
          new RegExp(`newer than this binary, which ends at version ${lastVersion}`),
          new RegExp(`${lastVersion + 1} rename_nickname \\(contract, by 2\\.0\\.0\\)`),
          /at least version 2\.0\.0/,
          new RegExp(`make a backup with that binary .*, then catatlas migrate down --to ${lastVersion}`),
        ]);
        await assertNotBackedUp(url, '2\\.0\\.0');

        const shown = await run(url, ['migrate', 'down', '--to', String(lastVersion)]);
        assert.equal(shown.code, 2, shown.stderr);
        assert.match(shown.stdout, /alter table entries rename column name to nickname/);
        assert.match(shown.stdout, /--yes/);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, rename]), 'showing changes nothing');

        await succeed(url, ['migrate', 'down', '--to', String(lastVersion), '--yes']);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
        await assertServes(url);
        await succeed(url, ['migrate', 'up'], contracting);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, rename]));
      });

      test('by expand migrations, one of them outside a transaction: the older binary can undo them too', async () => {
        const url = await openDatabase(expanding);
        await succeed(url, ['migrate', 'down', '--to', String(lastVersion), '--yes']);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
        const left = await inDatabase(
          url,
          (sql) => sql`
            select attname from pg_attribute where attrelid = 'entries'::regclass and attname = 'colour'
            union all select indexname from pg_indexes where indexname = 'entries_by_text'`,
        );
        assert.deepEqual([...left], []);
        await assertServes(url);
        await succeed(url, ['migrate', 'up'], expanding);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column, index]));
      });

      test('by an irreversible one: exit code 5, and down is refused with the reason', async () => {
        const url = await openDatabase(irreversible);
        await assertRefused(url, 5, [/cannot be undone[\s\S]*backup/]);
        const { code, stderr } = await run(url, ['migrate', 'down', '--to', String(lastVersion), '--yes']);
        assert.equal(code, 1, stderr);
        assert.match(stderr, new RegExp(`irreversible:\\s+${lastVersion + 1} drop_photos`));
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, removal]));
      });
    });

    describe('the files are not those that were applied', () => {
      test('one was edited: exit code 6 naming it; nothing is applied', async () => {
        const url = await openDatabase();
        const edited = await make({
          version: '1.1.0',
          edited: { [lastFile]: (sql) => `${sql}\ncreate index entries_by_nickname on entries (nickname);\n` },
          migrations: { [column]: addColour },
        });
        await assertRefused(url, 6, [new RegExp(`migrations/${lastFile} was edited after it was applied`)], edited);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
      });

      test('their line endings are those of Windows: the same files, whoever applied them', async () => {
        const toWindows = (sql: string) => sql.replaceAll('\n', '\r\n');
        const windows = await make({
          version: '1.1.0',
          edited: Object.fromEntries(migrationFileNames.map((file) => [file, toWindows])),
          migrations: { [column]: toWindows(addColour) },
        });
        const url = await openDatabase();
        await succeed(url, ['migrate', 'up'], windows);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column]));
        await assertServes(url, windows);
        await succeed(url, ['migrate', 'down', '--to', String(lastVersion), '--yes']);

        const fresh = await openDatabase(windows);
        assert.match(await succeed(fresh, ['migrate', 'status', '--exit-code']), /compatible/);
        const unix = await make({ version: '1.1.1', migrations: { [column]: addColour } });
        await succeed(fresh, ['migrate', 'status', '--exit-code'], unix);
        await assertServes(fresh, unix);
      });

      test('one was renamed: harmless', async () => {
        const renamed = `${lastFile.slice(0, 5)}another_name.sql`;
        const program = await make({
          version: '1.1.0',
          removed: [lastFile],
          migrations: { [renamed]: originalOf(lastFile) },
        });
        const url = await openDatabase();
        await succeed(url, ['migrate', 'up'], program);
        await succeed(url, ['migrate', 'status', '--exit-code'], program);
        await assertServes(url, program);
        assert.deepEqual(await historyOf(url), doneOf(migrationFileNames));
      });

      test('one was put in front of applied ones: exit code 6, saying so', async () => {
        const url = await openDatabase(await make({ version: '1.1.0', migrations: { [column]: addColour } }));
        const program = await make({
          version: '1.2.0',
          migrations: { [laterFile('add_breed')]: addBreed, [laterFile('add_colour', 2)]: addColour },
        });
        await assertRefused(url, 6, [/A file was put in front of it: give that one a number after the last/], program);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column]));
      });

      test('two branches used one number: exit code 6 for the second, saying so', async () => {
        const url = await openDatabase(await make({ version: '1.1.0', migrations: { [column]: addColour } }));
        const other = await make({ version: '1.1.0', migrations: { [laterFile('add_breed')]: addBreed } });
        await assertRefused(url, 6, [/Two files got the same number: give this one a number after the last/], other);
        assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column]));
      });

      test('one in the middle is missing in the history: exit code 6', async () => {
        const url = await openDatabase();
        await inDatabase(url, (sql) => sql`delete from catatlas_migrations where version = 1`);
        await assertRefused(url, 6, [
          new RegExp(`migrations/${migrationFileNames[0]} is not applied, but version ${lastVersion} is`),
        ]);
      });

      test('one in the middle is missing among the files: such a program cannot be built', async () => {
        await assert.rejects(
          make({ version: '1.1.0', removed: migrationFileNames.slice(0, 1) }),
          /expected number 1, numbers may not repeat or be left out/,
        );
      });
    });

    test('two versions serve side by side while the newer one migrates under load: no answer is a 5xx', {
      timeout: 120_000,
    }, async () => {
      const url = await openDatabase();
      await insertEntries(url, 20_000);
      const older = serve(url);
      await older.logged('ready');
      const load = makeLoad();
      load.add('older', clientOf(await older.url()));
      await load.answered('older', 50);

      const newer = serve(url, expanding);
      await newer.logged('migration applied');
      await newer.logged('ready');
      assert.deepEqual(await historyOf(url), doneOf([...migrationFileNames, column, index]));
      load.add('newer', clientOf(await newer.url()));
      await Promise.all([load.answered('older', 100), load.answered('newer', 100)]);
      await load.stop();
      await assertEveryIndexIsValid(url);
      console.log(`two versions on PostgreSQL ${version}: ${load.summary()}`);
      assert.deepEqual(load.failures, []);
      for (const program of [older, newer]) {
        program.signal('SIGTERM');
        assert.equal((await program.ended()).code, 0);
      }
    });
  });
}

/** Reads and writes of several clients, one request after the other each, for as long as it is told to. */
function makeLoad() {
  const failures: string[] = [];
  const counts = new Map<string, number>();
  const listeners = new Set<() => void>();
  const work: Promise<void>[] = [];
  let stopped = false;
  let slowest = 0;

  async function use(name: string, call: Client, worker: number): Promise<void> {
    for (let round = 0; !stopped; round += 1) {
      const text = `${name} ${worker} ${round}`;
      const request = async (method: string, path: string, json?: unknown) => {
        const began = performance.now();
        const answer = await call<Entry>(method, path, json === undefined ? {} : { json });
        slowest = Math.max(slowest, performance.now() - began);
        if (answer.status >= 500) failures.push(`${method} ${path}: ${answer.status} ${answer.text}`);
        counts.set(name, (counts.get(name) ?? 0) + 1);
        for (const listener of listeners) listener();
        return answer;
      };
      const made = await request('POST', '/entries', { text });
      if (made.status >= 500) continue;
      await request('GET', `/entries/${made.body.id}`);
      await request('PATCH', `/entries/${made.body.id}`, { text: `${text}, edited` });
      await request('POST', `/entries/${made.body.id}/favorite`);
      await request('DELETE', `/entries/${made.body.id}`);
    }
  }

  return {
    failures,
    add(name: string, call: Client) {
      for (let worker = 0; worker < 3; worker += 1)
        work.push(use(name, call, worker).catch((error: unknown) => void failures.push(`${name}: ${error}`)));
    },
    /** Resolves after so many more answers. */
    answered(name: string, more: number) {
      const target = (counts.get(name) ?? 0) + more;
      return new Promise<void>((resolve) => {
        const listener = () => {
          if ((counts.get(name) ?? 0) < target) return;
          listeners.delete(listener);
          resolve();
        };
        listeners.add(listener);
      });
    },
    async stop() {
      stopped = true;
      await Promise.all(work);
    },
    summary: () =>
      `${[...counts].map(([name, count]) => `${count} answers by the ${name}`).join(', ')}, the slowest after ${Math.round(slowest)} ms`,
  };
}
