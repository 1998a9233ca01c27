import type { Clock } from '../clock.ts';
import type { Database } from '../database/connect.ts';
import type { Log } from '../observability/log.ts';
import type { Manifest } from './format.ts';
import { type WatchOptions, watchParts } from './progress.ts';
import { restore } from './restore.ts';
import { readSnapshot } from './snapshot.ts';

interface CopyOptions extends WatchOptions {
  source: Database;
  /** Opens the target for `work`, and closes it again. Not called for a source that cannot be copied. */
  withTarget(work: (target: Database, log?: Log) => Promise<Manifest>): Promise<Manifest>;
  replace: boolean;
  programVersion: string;
  clock: Clock;
}

/**
 * Copies all data from one database to another, as a backup and its restoration would, without a file between them. The source
 * is only read. Returns what both have.
 *
 * @throws {ArchiveError} the rows that arrived are not those that were sent; {ArchiveTargetError} see `restore`
 */
export function copyDatabase({
  source,
  withTarget,
  replace,
  programVersion,
  clock,
  ...watch
}: CopyOptions): Promise<Manifest> {
  return readSnapshot({ database: source, programVersion, clock }, (parts) =>
    withTarget((target, log) =>
      restore({
        database: target,
        parts: watchParts(parts, watch),
        replace,
        programVersion,
        clock,
        ...(log ? { log } : {}),
        ...(watch.shutdown ? { shutdown: watch.shutdown } : {}),
      }),
    ),
  );
}
