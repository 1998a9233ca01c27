import { randomBytes } from 'node:crypto';
import type { Command } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';

export const command: Command = {
  description:
    'Prints 64 hexadecimal digits from the random source of the operating system (256 bits): a key for JWT_SECRET that is good for every JWT_ALGORITHM.\n\nKeep it where your platform keeps secrets, never in a file under version control. A new key signs everybody out.',
  exitCodes: [ExitCode.ok, ExitCode.usage],
  examples: [
    { line: 'catatlas secret', purpose: 'print a secret' },
    { line: 'catatlas secret | fly secrets set --stage JWT_SECRET=-', purpose: 'set it on Fly.io, without showing it' },
    { line: '(umask 077; catatlas secret > jwt-secret)', purpose: 'write it into a file, for JWT_SECRET_FILE' },
  ],
  async run(_args, io) {
    io.stdout(`${randomBytes(32).toString('hex')}\n`);
    return ExitCode.ok;
  },
};
