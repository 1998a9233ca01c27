import process from 'node:process';
import { ArchiveError } from '../../archive/archive-error.ts';
import { askAsTheApi } from '../../archive/ask.ts';
import { decryptBytes } from '../../archive/encryption.ts';
import { readArchiveFile, readFrom } from '../../archive/files.ts';
import { type Manifest, type Part, requireLoadable } from '../../archive/format.ts';
import { type WatchOptions, watchParts } from '../../archive/progress.ts';
import { decodeArchive } from '../../archive/read.ts';
import { restore } from '../../archive/restore.ts';
import { build } from '../../build.ts';
import { UsageError } from '../../cli/command.ts';
import { openCommandLog } from '../../cli/command-log.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import { withMaintenanceDatabase } from '../../cli/maintenance.ts';
import { systemClock } from '../../clock.ts';
import { loadSettings } from '../../config/settings.ts';
import type { Database } from '../../database/connect.ts';
import { openScratch } from '../../database/scratch.ts';
import { loadCatalog } from '../../migrator/migration-catalog.ts';
import type { Log } from '../../observability/log.ts';
import { describeTables } from './answer.ts';
import {
  type BackupArguments,
  findTarget,
  readIdentities,
  settingsFor,
  standardStream,
  withProgress,
} from './archive-command.ts';

/** Puts an archive into the database that the settings name. */
export async function restoreArchive(given: BackupArguments): Promise<ExitCode> {
  const settings = loadSettings({ env: given.io.env, flags: given.args.settings, rules: 'tool' });
  const replace = given.args.switches.has('replace');
  return await load(given, 'Restored.', async (run) => {
    await withMaintenanceDatabase({ settings, io: given.io, purpose: 'copy', deed: 'replace all' }, (database, log) =>
      run(database, replace, log),
    );
  });
}

/** Restores an archive into memory, or into an empty database, and asks it what the API asks. */
export async function verify(given: BackupArguments): Promise<ExitCode> {
  const settings = loadSettings({ env: given.io.env, flags: given.args.settings, rules: 'tool' });
  const target = findTarget(given, settings);
  const into = target && settingsFor(target, settings);
  if (into?.database.kind === 'embedded')
    throw new UsageError('--to: expected an address, such as postgresql://USER:PASSWORD@HOST:5432/DATABASE');
  return await load(given, 'Verified: restored, compared row by row, and asked what the API asks.', async (run) => {
    const prove = async (database: Database, log: Log) => {
      const problems = await askAsTheApi(database.sql, await run(database, false, log));
      if (problems.length > 0)
        throw new ArchiveError(`the restored database does not answer as it should:\n${problems.join('\n')}`);
    };
    if (into) {
      await withMaintenanceDatabase(
        { settings: into, io: given.io, purpose: 'copy', deed: 'replace all', option: target.named },
        prove,
      );
      return;
    }
    const scratch = await openScratch();
    try {
      await prove(scratch, openCommandLog(settings, given.io));
    } finally {
      await scratch.close();
    }
  });
}

type Run = (database: Database, replace: boolean, log?: Log) => Promise<Manifest>;

/** Opens the archive, checks it in full when it is a file, before any database is touched, and gives `work` what loads it. */
async function load(given: BackupArguments, done: string, work: (run: Run) => Promise<void>): Promise<ExitCode> {
  const { args, io } = given;
  const [file = ''] = args.operands;
  const identities = await readIdentities(given);
  return await withProgress(io, async (watch) => {
    const read = () =>
      file === standardStream ? readFrom('standard input', () => process.stdin) : readArchiveFile(file);
    const open = () => decodeArchive(decryptBytes(read(), identities));
    // Standard input is there once: its rows are checked while they are loaded, and committed only when all agree.
    const expected = file === standardStream ? undefined : await check(open(), watch);
    let manifest = expected;
    await work(async (database, replace, log) => {
      const parts = watchParts(open(), { ...watch, expected });
      manifest = await restore({
        database,
        parts,
        replace,
        programVersion: build.version,
        clock: systemClock,
        shutdown: io.shutdown,
        ...(log ? { log } : {}),
      });
      return manifest;
    });
    if (!manifest) throw new Error('nothing was loaded');
    const { schemaVersion, createdAt, programVersion, tables } = manifest;
    if (args.switches.has('json'))
      io.stdout(`${JSON.stringify({ file, schemaVersion, createdAt, programVersion, tables }, null, 2)}\n`);
    else io.stdout(`${describeTables(tables)}${done} The archive is of ${createdAt}, by ${programVersion}.\n`);
    return ExitCode.ok;
  });
}

async function check(parts: AsyncIterable<Part>, { shutdown }: WatchOptions): Promise<Manifest> {
  for await (const part of watchParts(parts, shutdown ? { shutdown } : {})) {
    if (part.kind === 'header') requireLoadable(part.header, loadCatalog().length);
    if (part.kind === 'manifest') return part.manifest;
  }
  throw new Error('the archive ended without a manifest');
}
