/** The exit codes of the program. Scripts and supervisors rely on them: a code keeps its meaning for ever. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  databaseUnreachable: 3,
  migrationsPending: 4,
  databaseNewer: 5,
  migrationChanged: 6,
  lockTimeout: 7,
  archiveInvalid: 8,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const exitCodeMeanings: Record<ExitCode, string> = {
  0: 'ok',
  1: 'failure',
  2: 'wrong usage or configuration: starting again will not help',
  3: 'the database cannot be reached',
  4: 'migrations are pending',
  5: 'the database is newer than this program and not compatible with it',
  6: 'a migration that was applied has been changed since',
  7: 'a lock was not obtained in time',
  8: 'an archive or backup is not valid',
};
