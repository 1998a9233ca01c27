import type { Build } from './build.ts';
import type { Clock } from './clock.ts';
import type { Settings } from './config/settings.ts';
import type { Sql } from './database/connect.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Log } from './observability/log.ts';

/** Everything a feature may need, built once at start and passed down. Features keep nothing that cannot be made again. */
export interface AppContext {
  readonly settings: Settings;
  readonly build: Build;
  readonly clock: Clock;
  readonly log: Log;
  readonly lifecycle: Lifecycle;
  /** The database. Throws 503 NOT_READY while it is being opened. */
  readonly sql: Sql;
}
