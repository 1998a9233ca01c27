import type { Log } from '../observability/log.ts';
import { connectEmbedded, type Database } from './connect.ts';

/**
 * An empty embedded database in the memory of this process: nothing of it is ever on a disk, so nothing is left behind, however the
 * process ends. For proving things on: what migrations make, whether a backup can be restored.
 *
 * Its files are in memory as well, with the log of what was written since the last checkpoint: about 130 MB when it is empty, and five
 * times the size of the database after one large load. Give what is large a database of its own.
 */
export function openScratch(log?: Log): Promise<Database> {
  return connectEmbedded({ dataDir: 'memory', log });
}
