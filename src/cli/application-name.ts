import { hostname } from 'node:os';
import { build } from '../build.ts';

/** The longest name that PostgreSQL keeps whole (NAMEDATALEN). */
const longestName = 63;

/** How a connection shows itself in pg_stat_activity: which version does what on which machine. */
export function applicationName(purpose: 'serve' | 'migrate' | 'copy'): string {
  return `catatlas/${build.version} ${purpose} on ${hostname()}`.slice(0, longestName);
}
