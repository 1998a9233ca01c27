import { Buffer } from 'node:buffer';
import { createApp } from '../app.ts';
import { ArchiveError } from '../archive/archive-error.ts';
import { askAsTheApi } from '../archive/ask.ts';
import type { Manifest, Part } from '../archive/format.ts';
import { decodeArchive } from '../archive/read.ts';
import { restore } from '../archive/restore.ts';
import { readSnapshot } from '../archive/snapshot.ts';
import { encodeArchive } from '../archive/write.ts';
import { build } from '../build.ts';
import { type Command, CommandFailure, type CommandIO } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { systemClock } from '../clock.ts';
import { loadSettings } from '../config/settings.ts';
import type { Database } from '../database/connect.ts';
import { openScratch } from '../database/scratch.ts';
import {
  type Application,
  askForHealth,
  askForInsights,
  expectSame,
  matchThroughApi,
  readDocumentation,
  readThroughApi,
  TrialError,
  writeNonsense,
  writeThroughApi,
} from '../doctor/trial.ts';
import { Lifecycle } from '../lifecycle.ts';
import { compareSchemas } from '../migrator/drift.ts';
import { readExpectedSchema } from '../migrator/expected-schema.ts';
import { loadCatalog } from '../migrator/migration-catalog.ts';
import { migrateUp } from '../migrator/migration-run.ts';
import { readSchema } from '../migrator/schema-snapshot.ts';
import { createLog, type Log } from '../observability/log.ts';

export const command: Command = {
  description: `Proves that this program works on this machine, with nothing else: no configuration, no network, no database. In memory it
makes a database, migrates it, writes and reads through the API, matches, serves its documentation, makes a backup, verifies it and
restores it. Leaves no file behind. Takes a few seconds.`,
  options: [{ name: 'json', purpose: 'Print a JSON object' }],
  exitCodes: [ExitCode.ok, ExitCode.failure, ExitCode.usage],
  examples: [
    { line: 'catatlas selftest', purpose: 'after a download, before anything else' },
    { line: 'docker run --rm --network none IMAGE selftest', purpose: 'in a container, before it is deployed' },
  ],
  async run(args, io) {
    const json = args.switches.has('json');
    const faults: string[] = [];
    const log = createLog({
      level: 'WARNING',
      format: 'pretty',
      write: (line) => faults.push(line),
      now: () => systemClock.now(),
    });
    const recorder = createRecorder(json ? undefined : io);
    const began = performance.now();
    const problem = await runSteps(recorder.step, log);
    const milliseconds = Math.round(performance.now() - began);
    const { version, commit, runtime } = build;
    if (json) {
      const report = { ok: problem === undefined, version, commit, runtime, milliseconds, steps: recorder.steps };
      io.stdout(`${JSON.stringify(report, null, 2)}\n`);
    }
    if (problem !== undefined)
      throw new CommandFailure(
        ExitCode.failure,
        [`this program does not work here: ${problem}`, ...faults.map((line) => line.trimEnd())].join('\n'),
      );
    if (!json) io.stdout(`catatlas ${version} works here: ${recorder.steps.length} steps in ${milliseconds} ms.\n`);
    return ExitCode.ok;
  },
};

/** One thing that was tried. */
interface Step {
  name: string;
  ok: boolean;
  milliseconds: number;
  /** Why it failed. */
  problem: string | null;
}

type RunStep = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** A step has failed: those that would follow need what it makes. */
class StepFailure extends Error {
  override readonly name = 'StepFailure';
}

/** Runs steps one by one, with the time of each. `io` is told as they end. */
function createRecorder(io: CommandIO | undefined): { steps: Step[]; step: RunStep } {
  const steps: Step[] = [];
  const record = (name: string, began: number, problem: string | null) => {
    const milliseconds = Math.round(performance.now() - began);
    steps.push({ name, ok: problem === null, milliseconds, problem });
    io?.stdout(`${problem === null ? 'ok  ' : 'FAIL'} ${`${milliseconds}`.padStart(6)} ms  ${name}\n`);
  };
  return {
    steps,
    async step(name, work) {
      const began = performance.now();
      try {
        const result = await work();
        record(name, began, null);
        return result;
      } catch (error) {
        const problem = describe(error);
        record(name, began, problem);
        throw new StepFailure(`${name}: ${problem}`, { cause: error });
      }
    },
  };
}

/** What is expected to fail says enough by its message; anything else is told with where it happened. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const told = error instanceof TrialError || error instanceof ArchiveError || error.name === 'MigrationError';
  return told ? error.message : (error.stack ?? error.message);
}

/** Does everything, and returns why it could not; undefined when all went well. */
async function runSteps(step: RunStep, log: Log): Promise<string | undefined> {
  const opened: Database[] = [];
  const open = async () => {
    const database = await openScratch(log);
    opened.push(database);
    return database;
  };
  try {
    const database = await step('open an embedded database in memory', open);
    await proveDatabase(step, database, log);
    const app = await step('load the application', () => loadApplication(database, log));
    await proveApi(step, app, database);
    await proveArchive(step, database, open);
    return undefined;
  } catch (error) {
    if (error instanceof StepFailure) return error.message;
    throw error;
  } finally {
    for (const database of opened) await database.close();
  }
}

const program = { programVersion: build.version, clock: systemClock };

async function proveDatabase(step: RunStep, database: Database, log: Log): Promise<void> {
  const catalog = loadCatalog();
  const options = { catalog, clock: systemClock, log, binaryVersion: build.version };
  const version = catalog.length;
  await step(`migrate it from nothing to version ${version}`, () =>
    migrateUp({ ...options, database, lockTimeoutSeconds: 10 }),
  );
  await step('compare the schema with a second one', async () => {
    const { differences } = compareSchemas(await readExpectedSchema(options, version), await readSchema(database.sql));
    expectSame('differences', differences, []);
  });
}

async function loadApplication(database: Database, log: Log): Promise<Application> {
  const lifecycle = new Lifecycle();
  lifecycle.schema = { state: 'current', version: loadCatalog().length };
  const app = createApp({
    // Of nobody's environment. The directory is not used.
    settings: loadSettings({ env: {}, flags: { DATA_DIR: '/' } }),
    build,
    clock: systemClock,
    log,
    lifecycle,
    sql: database.sql,
  });
  await app.load();
  return app.fetch;
}

async function proveApi(step: RunStep, app: Application, { sql }: Database): Promise<void> {
  await step('answer health checks', () => askForHealth(app));
  const written = await step('write a cat, sightings, comments and an analysis', () => writeThroughApi(app, sql));
  await step('refuse what is wrong', () => writeNonsense(app));
  await step('read it back', () => readThroughApi(app, written));
  await step('find matches, neighbours and groups', () => matchThroughApi(app, written));
  await step('give insights', () => askForInsights(app, written));
  await step('serve the documentation', () => readDocumentation(app));
}

async function proveArchive(step: RunStep, database: Database, open: () => Promise<Database>): Promise<void> {
  const archive = await step('back up', () => backUp(database));
  const manifest = await step('verify the backup', () => readManifest(archive));
  await step('refuse a damaged backup', () => readDamaged(archive));
  await step('restore it into a second database', async () => {
    const second = await open();
    const parts = decodeArchive(streamOf(archive));
    await restore({ database: second, parts, replace: false, ...program });
    const restored = await readSnapshot({ database: second, ...program }, takeManifest);
    expectSame('rows and digests', restored.tables, manifest.tables);
    expectSame('sequences', restored.sequences, manifest.sequences);
    expectSame('answers that differ', await askAsTheApi(second.sql, manifest), []);
  });
}

function backUp(database: Database): Promise<Buffer> {
  return readSnapshot({ database, ...program }, async (parts) => {
    const chunks: Buffer[] = [];
    for await (const chunk of encodeArchive(parts)) chunks.push(chunk);
    return Buffer.concat(chunks);
  });
}

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function readManifest(archive: Uint8Array): Promise<Manifest> {
  const manifest = await takeManifest(decodeArchive(streamOf(archive)));
  const counts = manifest.tables.map(({ name, rows }) => `${name} ${rows}`);
  expectSame('rows in the backup', counts, ['cats 1', 'entries 4', 'analyses 1', 'cat_insights 4', 'cat_comments 2']);
  return manifest;
}

async function takeManifest(parts: AsyncIterable<Part>): Promise<Manifest> {
  for await (const part of parts) if (part.kind === 'manifest') return part.manifest;
  throw new TrialError('the backup has no manifest');
}

/** One bit of the rows is turned: reading must not come to its end. */
async function readDamaged(archive: Uint8Array): Promise<void> {
  const damaged = Uint8Array.from(archive);
  const middle = Math.floor(damaged.length / 2);
  damaged[middle] = (damaged[middle] ?? 0) ^ 1;
  try {
    await takeManifest(decodeArchive(streamOf(damaged)));
  } catch (error) {
    if (error instanceof ArchiveError) return;
    throw error;
  }
  throw new TrialError('a backup with a wrong bit was taken for a right one');
}
