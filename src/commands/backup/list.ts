import { listArchives } from '../../archive/files.ts';
import { ExitCode } from '../../cli/exit-codes.ts';
import { type BackupArguments, readIdentities, withProgress } from './archive-command.ts';

/** Shows what each file of a directory says of itself. */
export async function list(given: BackupArguments): Promise<ExitCode> {
  const { args, io } = given;
  const [directory = ''] = args.operands;
  const identities = await readIdentities(given);
  return await withProgress(io, async () => {
    const archives = await listArchives(directory, identities);
    if (args.switches.has('json')) io.stdout(`${JSON.stringify(archives, null, 2)}\n`);
    else {
      for (const { file, bytes, header, problem } of archives) {
        const what = header
          ? `${header.createdAt}  schema ${header.schemaVersion}  by ${header.programVersion}`
          : `NOT USABLE: ${problem}`;
        io.stdout(`${String(bytes).padStart(14)}  ${what}  ${file}\n`);
      }
      if (archives.length === 0) io.stdout(`No files in ${directory}.\n`);
    }
    return ExitCode.ok;
  });
}
