// Imports a file, as a process that a test can kill: says what it does, one line a step, and goes no further than a step it is given.
import { Buffer } from 'node:buffer';
import { readSync, writeSync } from 'node:fs';
import { connectEmbedded, connectPostgres } from '../../src/database/connect.ts';
import { openSqliteFile } from '../../src/import/sqlite-file.ts';
import { importSqlite } from '../../src/import/sqlite-import.ts';

const [path = '', target = '', holdAt = ''] = process.argv.slice(2);
const database = target.startsWith('postgresql:')
  ? connectPostgres({ url: target, applicationName: 'import under test', maxConnections: 1, unlimited: true })
  : await connectEmbedded({ dataDir: target });
let said = '';
await importSqlite({
  file: await openSqliteFile(path),
  database,
  merge: false,
  dryRun: false,
  onProgress({ what }) {
    // By a system call: a stream would write only after the work.
    if (what !== said) writeSync(1, `${what}\n`);
    said = what;
    // Waits for what never comes.
    if (what === holdAt) readSync(0, Buffer.alloc(1));
  },
});
await database.close();
