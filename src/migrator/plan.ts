import type { Migration } from './catalog.ts';
import type { AppliedMigration } from './history.ts';

/** What is to be done, and what forbids doing anything. */
export interface Plan {
  /** Version of the schema now, 0 for an empty database. */
  current: number;
  /** Version this binary is made for. */
  target: number;
  /** To be applied, in order. */
  pending: Migration[];
  /** Applied, but the file has been edited since: the database is not what the files say. */
  changed: { version: number; file: string; expected: string; recorded: string }[];
  /** Applied by a newer binary; this one does not know them. */
  unknown: AppliedMigration[];
}

/** Compares what the binary carries with what the database remembers. Pure. */
export function planMigrations(catalog: readonly Migration[], history: readonly AppliedMigration[]): Plan {
  const applied = new Map(history.map((row) => [row.version, row]));
  const known = new Set(catalog.map((migration) => migration.version));
  return {
    current: Math.max(0, ...applied.keys()),
    target: catalog.at(-1)?.version ?? 0,
    pending: catalog.filter((migration) => !applied.has(migration.version)),
    changed: catalog.flatMap(({ version, file, checksum }) => {
      const recorded = applied.get(version)?.checksum;
      return recorded === undefined || recorded === checksum ? [] : [{ version, file, expected: checksum, recorded }];
    }),
    unknown: history.filter((row) => !known.has(row.version)),
  };
}
