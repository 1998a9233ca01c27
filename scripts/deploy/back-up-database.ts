// Has Fly.io back up its PostgreSQL, and believes it only when the backup is in the list: `bun scripts/deploy/back-up-database.ts
// --kind unmanaged|managed --database APP-OR-CLUSTER-ID --name NAME`.
//
// `fly postgres backup create` ends with 0 even when the command on the machine failed (flyctl internal/command/postgres/backup.go: the
// exit code is printed, not passed on), and `fly mpg backup create` only puts it into a queue. Exit codes: 0 listed, 1 not, 2 wrong options.
import { setTimeout as pause } from 'node:timers/promises';
import { readOptions, run } from './program.ts';

/** Where a backup stands. */
type State = 'done' | 'failed' | 'not yet';

async function flyctl(...args: string[]): Promise<string> {
  const { code, reason, stdout } = await run('flyctl', args);
  if (code !== 0) throw new Error(`flyctl ${args.join(' ')}: ${reason}`);
  return stdout;
}

/** Starts a backup and returns what asks where it stands. */
async function begin(kind: string, database: string, name: string): Promise<() => Promise<State>> {
  if (kind === 'unmanaged') {
    await flyctl('postgres', 'backup', 'create', '--app', database, '--name', name);
    return async () => {
      const list = await flyctl('postgres', 'backup', 'list', '--app', database);
      const line = list.split('\n').find((text) => text.split(/[\s|]+/).includes(name));
      if (line === undefined) return 'not yet';
      return /fail/i.test(line) ? 'failed' : 'done';
    };
  }
  const said = await flyctl('mpg', 'backup', 'create', database, '--type', 'full');
  const id = /ID:\s*(\S+)/.exec(said)?.[1];
  if (id === undefined) throw new Error('flyctl mpg backup create did not say which backup it made');
  return async () => {
    const list = (await flyctl('mpg', 'backup', 'list', database, '--all', '--json')).trim();
    // With no backup at all it says so in words.
    const rows = list.startsWith('[') ? (JSON.parse(list) as Record<string, unknown>[]) : [];
    const row = rows.find((one) => (one['id'] ?? one['Id']) === id);
    const status = String(row?.['status'] ?? row?.['Status'] ?? '');
    if (/fail|error/i.test(status)) return 'failed';
    return /complete|success|done/i.test(status) ? 'done' : 'not yet';
  };
}

try {
  const given = readOptions(process.argv.slice(2), ['kind', 'database', 'name'], { minutes: '20', pause: '15' });
  if (given.kind !== 'unmanaged' && given.kind !== 'managed')
    throw new Error(`--kind ${given.kind}: expected unmanaged or managed`);
  process.exitCode = await backUp(given.kind, given.database, given.name, Number(given.minutes), Number(given.pause));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function backUp(kind: string, database: string, name: string, minutes: number, pauseSeconds: number) {
  try {
    const ask = await begin(kind, database, name);
    const end = Date.now() + minutes * 60_000;
    for (;;) {
      const state = await ask();
      if (state === 'done') {
        console.log(`${database} has a new backup, and lists it.`);
        return 0;
      }
      if (state === 'failed') throw new Error('the backup is listed as failed');
      if (Date.now() >= end) throw new Error(`the backup was not listed as done within ${minutes} minutes`);
      await pause(pauseSeconds * 1000);
    }
  } catch (error) {
    console.error(`${database} was NOT backed up: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}
