import { type Action, type Command, UsageError } from '../cli/command.ts';
import { ExitCode } from '../cli/exit-codes.ts';
import type { BackupArguments } from './backup/archive-command.ts';

/** An action with the code that does it, loaded when it is needed. */
interface BackupAction extends Action {
  run(given: BackupArguments): Promise<ExitCode>;
}

const identityFile = {
  name: 'identity-file',
  value: 'FILE',
  purpose: 'the secret keys that open an encrypted archive (AGE-SECRET-KEY-…, one a line); or BACKUP_IDENTITY',
};

const actions: readonly BackupAction[] = [
  {
    name: 'create',
    purpose: 'Write an archive of everything, as it is at one moment, while others go on writing',
    operands: [{ name: 'FILE', purpose: 'The file to make, or - for standard output', required: true }],
    options: [
      { name: 'recipient', value: 'KEYS', purpose: 'encrypt to these age recipients (age1…, separated by commas)' },
      { name: 'recipients-file', value: 'FILE', purpose: 'encrypt to the age recipients in this file, one a line' },
    ],
    run: async (given) => (await import('./backup/create.ts')).create(given),
  },
  {
    name: 'verify',
    purpose: 'Prove an archive: restore it into memory, compare every digest, and ask what the API asks',
    operands: [{ name: 'FILE', purpose: 'The archive, or - for standard input', required: true }],
    options: [
      identityFile,
      {
        name: 'to',
        value: 'URL',
        purpose:
          'restore it into this empty PostgreSQL database instead, and leave it there. One with a password belongs into TARGET_DATABASE_URL or its file',
      },
    ],
    run: async (given) => (await import('./backup/restore.ts')).verify(given),
  },
  {
    name: 'restore',
    purpose: 'Put an archive into the database: all of it, or nothing',
    operands: [{ name: 'FILE', purpose: 'The archive, or - for standard input', required: true }],
    options: [identityFile, { name: 'replace', purpose: 'throw away everything that the database has' }],
    run: async (given) => (await import('./backup/restore.ts')).restoreArchive(given),
  },
  {
    name: 'list',
    purpose: 'Show the archives in a directory; needs no database',
    operands: [{ name: 'DIR', purpose: 'The directory', required: true }],
    options: [identityFile],
    run: async (given) => (await import('./backup/list.ts')).list(given),
  },
  {
    name: 'key',
    purpose:
      'Make a pair of keys to encrypt archives with: keep the secret one away from the machine; needs no database',
    run: async (given) => (await import('./backup/key.ts')).makeKey(given),
  },
];

export const command: Command = {
  description: `Backups that need no other program. An archive holds all rows of one moment, with counts and digests, fits any supported PostgreSQL and
the embedded database, and is loaded by every later version of this program. It is a tar file; docs/archive-format.md describes it.

Restoring is one transaction: what the database has is there, and is used, until everything has been loaded and compared, and
stays when anything fails. Encrypted archives follow the age standard (age-encryption.org) and are opened by the program age too.`,
  actions,
  requiresAction: true,
  options: [
    { name: 'json', purpose: 'Print a JSON object' },
    { name: 'data-dir', value: 'DIRECTORY', purpose: 'Where the embedded database is kept', setting: 'DATA_DIR' },
  ],
  settings: ['DATABASE_URL', 'DIRECT_DATABASE_URL', 'TARGET_DATABASE_URL', 'DATA_DIR', 'BACKUP_IDENTITY'],
  exitCodes: [
    ExitCode.ok,
    ExitCode.failure,
    ExitCode.usage,
    ExitCode.databaseUnreachable,
    ExitCode.lockTimeout,
    ExitCode.archiveInvalid,
  ],
  examples: [
    { line: 'catatlas backup create cats.tar', purpose: 'back up, while the server runs' },
    { line: 'catatlas backup create - --recipient age1… > cats.tar.age', purpose: 'encrypted, to standard output' },
    { line: 'catatlas backup verify cats.tar', purpose: 'prove that it can be restored' },
    { line: 'catatlas backup restore cats.tar --replace', purpose: 'go back to it' },
  ],
  async run(args, io) {
    const action = actions.find(({ name }) => name === args.action);
    if (!action) throw new UsageError(`unknown action ${args.action}`);
    return await action.run({ args, io });
  },
};
