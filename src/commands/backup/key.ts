import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { ExitCode } from '../../cli/exit-codes.ts';
import type { BackupArguments } from './archive-command.ts';

/** Makes a pair of keys, in the lines of age-keygen. Opens no database. */
export async function makeKey({ args, io }: BackupArguments): Promise<ExitCode> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  if (args.switches.has('json')) io.stdout(`${JSON.stringify({ recipient, identity }, null, 2)}\n`);
  else io.stdout(`# recipient (public, for --recipient): ${recipient}\n${identity}\n`);
  return ExitCode.ok;
}
