import { gunzipSync } from 'node:zlib';
import type { Command } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import { readEmbeddedFile } from '../platform/embedded-files.ts';

export const command: Command = {
  description:
    'Prints the licenses of everything in this program that others made: the packages from npm, the runtime with its libraries, and the embedded PostgreSQL. CatAtlas itself is MIT-licensed.',
  exitCodes: [ExitCode.ok, ExitCode.usage],
  examples: [
    { line: 'catatlas licenses | less', purpose: 'read them' },
    { line: 'catatlas licenses > NOTICE', purpose: 'write them into a file' },
  ],
  async run(_args, io) {
    io.stdout(gunzipSync(await readEmbeddedFile('licenses.txt.gz')).toString('utf8'));
    return ExitCode.ok;
  },
};
