import type { AppliedMigration } from './history.ts';
import type { Migration } from './migration-catalog.ts';
import { MigrationError } from './migration-error.ts';

/** What is to be done, and what forbids doing anything. */
export interface Plan {
  /** Version of the schema now, 0 for an empty database. */
  current: number;
  /** Version this binary is made for. */
  target: number;
  /** To be applied, in order. One that was started and not seen to end is among them. */
  pending: Migration[];
  /** Where files and history contradict each other, in sentences. */
  contradictions: string[];
  /** Applied under another name, with the same content. Harmless. */
  renamed: { version: number; file: string; recorded: string }[];
  /** Applied by a newer binary; this one does not know them. */
  unknown: AppliedMigration[];
  /** May this binary serve on what the unknown ones have made of the schema? */
  compatible: boolean;
}

/** Compares what the binary carries with what the database remembers. Pure. */
export function planMigrations(catalog: readonly Migration[], history: readonly AppliedMigration[]): Plan {
  const recorded = new Map(history.map((row) => [row.version, row]));
  const done = history.filter((row) => row.state === 'done').map((row) => row.version);
  const current = Math.max(0, ...done);
  const known = new Set(catalog.map((migration) => migration.version));
  const pending = catalog.filter((migration) => recorded.get(migration.version)?.state !== 'done');
  const unknown = history.filter((row) => !known.has(row.version));
  return {
    current,
    target: catalog.at(-1)?.version ?? 0,
    pending,
    contradictions: [
      ...catalog.flatMap((migration) => {
        const row = recorded.get(migration.version);
        return row && row.checksum !== migration.checksum ? [describeChange(migration, row, catalog)] : [];
      }),
      ...pending
        .filter(({ version }) => version < current)
        .map(
          ({ file, version }) =>
            `migrations/${file} is not applied, but version ${current} is: number ${version} was left out when the database went on`,
        ),
    ],
    renamed: catalog.flatMap(({ version, name, file, checksum }) => {
      const row = recorded.get(version);
      return row && row.name !== name && row.checksum === checksum ? [{ version, file, recorded: row.name }] : [];
    }),
    unknown,
    compatible: unknown.every((row) => row.compat === 'expand'),
  };
}

function describeChange(migration: Migration, row: AppliedMigration, catalog: readonly Migration[]): string {
  const place = `migrations/${migration.file}`;
  const moved = catalog.find(({ checksum }) => checksum === row.checksum);
  if (moved)
    return `${place}: number ${row.version} was applied as ${row.name}, which is now number ${moved.version}. A file was put in front of it: give that one a number after the last`;
  if (row.name !== migration.name)
    return `${place}: number ${row.version} was applied as ${row.name} by ${row.binary_version}. Two files got the same number: give this one a number after the last`;
  return `${place} was edited after it was applied by ${row.binary_version} (applied as ${short(row.checksum)}, now ${short(migration.checksum)})`;
}

function short(checksum: string): string {
  return checksum.slice(0, 15);
}

/** Throws MigrationError `changed` where files and history contradict each other. */
export function requireAgreement({ contradictions }: Plan): void {
  if (contradictions.length === 0) return;
  throw new MigrationError(
    'changed',
    [
      'the migrations of this binary are not those that were applied:',
      ...contradictions.map((line) => `  ${line}`),
      'Nothing was changed. Restore the files as they were applied, and put changes into a new migration.',
      'To see what the schema really is: catatlas migrate verify',
    ].join('\n'),
  );
}

/** Throws MigrationError `newer` where the database has been taken beyond what this binary can work on. */
export function requireCompatible({ unknown, compatible, target }: Plan): void {
  if (compatible) return;
  const list = unknown.map(
    ({ version, name, compat, binary_version }) => `  ${version} ${name} (${compat}, by ${binary_version})`,
  );
  const undoable = unknown.every((row) => row.down_sql !== null);
  throw new MigrationError(
    'newer',
    [
      `the database is newer than this binary, which ends at version ${target}. It has:`,
      ...list,
      `Run a binary of at least version ${unknown.at(-1)?.binary_version}.`,
      undoable
        ? `Or take the database back: make a backup with that binary (this one would leave out what it does not know), then catatlas migrate down --to ${target} (it shows what it will do)`
        : 'They cannot be undone: to go back, restore a backup from before.',
    ].join('\n'),
  );
}
