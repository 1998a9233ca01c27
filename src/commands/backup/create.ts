import process from 'node:process';
import { promisify } from 'node:util';
import { encryptBytes, parseKeys } from '../../archive/encryption.ts';
import { requireAbsent, writeArchiveFile } from '../../archive/files.ts';
import type { Manifest, Part } from '../../archive/format.ts';
import { watchParts } from '../../archive/progress.ts';
import { readSnapshot } from '../../archive/snapshot.ts';
import { encodeArchive } from '../../archive/write.ts';
import { build } from '../../build.ts';
import { UsageError } from '../../cli/command.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import { withMaintenanceDatabase } from '../../cli/maintenance.ts';
import { systemClock } from '../../clock.ts';
import { loadSettings } from '../../config/settings.ts';
import { openOutput } from '../../platform/output.ts';
import { describeTables } from './answer.ts';
import { type BackupArguments, readKeyFile, standardStream, withProgress } from './archive-command.ts';

/** Writes an archive of the database to a file or to standard output. */
export async function create(given: BackupArguments): Promise<ExitCode> {
  const { args, io } = given;
  const [file = ''] = args.operands;
  const toStream = file === standardStream;
  if (toStream && io.isTerminal)
    throw new UsageError(
      'an archive is not for a terminal',
      'Redirect standard output into a file or another program.',
    );
  const recipients = await readRecipients(given);
  const settings = loadSettings({ env: io.env, flags: args.settings, rules: 'tool' });
  return await withProgress(io, async (watch) => {
    if (!toStream) await requireAbsent(file);
    let manifest: Manifest | undefined;
    const bytes = await withMaintenanceDatabase({ settings, io, purpose: 'copy', deed: 'read all' }, (database) =>
      readSnapshot({ database, programVersion: build.version, clock: systemClock }, async (parts) => {
        const seen = noting(watchParts(parts, watch), (found) => {
          manifest = found;
        });
        const encoded = encodeArchive(seen);
        const whole = recipients.length > 0 ? encryptBytes(encoded, recipients) : encoded;
        return toStream ? await writeToStandardOutput(whole) : await writeArchiveFile(file, whole);
      }),
    );
    if (!manifest) throw new Error('the snapshot ended without a manifest');
    const { schemaVersion, createdAt, tables } = manifest;
    const facts = { file, bytes, encrypted: recipients.length > 0, schemaVersion, createdAt, tables };
    // Standard output may be the archive.
    const answer = toStream ? io.stderr : io.stdout;
    if (args.switches.has('json')) answer(`${JSON.stringify(facts, null, 2)}\n`);
    else answer(`${describeTables(tables)}Written: ${toStream ? 'standard output' : file}, ${bytes} bytes.\n`);
    return ExitCode.ok;
  });
}

async function readRecipients({ args }: BackupArguments): Promise<string[]> {
  const given = args.values['recipient']?.split(',').map((key) => key.trim()) ?? [];
  const file = args.values['recipients-file'];
  const listed = file === undefined ? [] : parseKeys(await readKeyFile(file, '--recipients-file'));
  // Whoever asks for encryption and gets none would not notice.
  if (file !== undefined && listed.length === 0) throw new UsageError(`--recipients-file: ${file} has no recipients`);
  return [...given, ...listed];
}

async function* noting(parts: AsyncIterable<Part>, note: (manifest: Manifest) => void): AsyncGenerator<Part> {
  for await (const part of parts) {
    if (part.kind === 'manifest') note(part.manifest);
    yield part;
  }
}

async function writeToStandardOutput(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const write = promisify(openOutput(process.stdout, 'standard output'));
  let size = 0;
  for await (const chunk of bytes) {
    await write(chunk);
    size += chunk.length;
  }
  return size;
}
