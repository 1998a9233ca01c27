/** The table-level locks of PostgreSQL, the weakest first (documentation, 13.3.1). */
export const lockModes = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;

export type LockMode = (typeof lockModes)[number];

/** For each mode the weakest one it conflicts with; every stronger one conflicts too, but for those in `compatible`. */
const weakestConflict: Record<LockMode, LockMode> = {
  'ACCESS SHARE': 'ACCESS EXCLUSIVE',
  'ROW SHARE': 'EXCLUSIVE',
  'ROW EXCLUSIVE': 'SHARE',
  'SHARE UPDATE EXCLUSIVE': 'SHARE UPDATE EXCLUSIVE',
  SHARE: 'ROW EXCLUSIVE',
  'SHARE ROW EXCLUSIVE': 'ROW EXCLUSIVE',
  EXCLUSIVE: 'ROW SHARE',
  'ACCESS EXCLUSIVE': 'ACCESS SHARE',
};

/** Has to wait the one who asks for `wanted` while somebody else has `held`? Both ways the same (documentation, table 13.2). */
export function locksConflict(held: LockMode, wanted: LockMode): boolean {
  // The one hole in the order: many may build an index at once.
  if (held === 'SHARE' && wanted === 'SHARE') return false;
  return lockModes.indexOf(wanted) >= lockModes.indexOf(weakestConflict[held]);
}

/** The stronger of two modes, in the order of PostgreSQL's numbers. */
export function strongerLock(one: LockMode, other: LockMode): LockMode {
  return lockModes.indexOf(one) >= lockModes.indexOf(other) ? one : other;
}

/** What others cannot do with a table while somebody has this lock on it, in words. */
export function describeLock(mode: LockMode): string {
  if (locksConflict(mode, 'ACCESS SHARE')) return 'reads and writes';
  if (locksConflict(mode, 'ROW SHARE')) return 'writes and select for update; plain reads go on';
  if (locksConflict(mode, 'ROW EXCLUSIVE')) return 'writes; reads go on';
  if (locksConflict(mode, 'SHARE UPDATE EXCLUSIVE')) return 'schema changes and vacuum; reads and writes go on';
  if (locksConflict(mode, 'SHARE')) return 'schema changes and index builds; reads and writes go on';
  return 'schema changes only';
}
