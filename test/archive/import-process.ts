// Imports a file, as a process that a test can kill: says what it does, one line a step.
import { writeSync } from 'node:fs';
import { importSqlite } from '../../src/archive/import.ts';
import { openSqliteFile } from '../../src/archive/sqlite-file.ts';
import { connectEmbedded, connectPostgres } from '../../src/database/connect.ts';

const [path = '', target = ''] = process.argv.slice(2);
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
  },
});
await database.close();
