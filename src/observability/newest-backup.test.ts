import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLog } from './log.ts';
import { findNewestBackup, watchNewestBackup } from './newest-backup.ts';

const folder = mkdtempSync(join(tmpdir(), 'catatlas-backups-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** What is told once the directory was looked at, and what was logged. */
async function told(directory: string) {
  const lines: string[] = [];
  const log = createLog({
    level: 'WARNING',
    format: 'json',
    write: (line) => void lines.push(line),
    now: () => '2026-01-01T00:00:00.000000Z',
  });
  const newest = watchNewestBackup(directory, log);
  assert.equal(newest(), undefined);
  while (newest() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  return { newest: newest(), lines };
}

test('the newest complete archive counts', async () => {
  const directory = join(folder, 'some');
  mkdirSync(directory);
  for (const [name, time] of [
    ['old.catatlas', 1000],
    ['new.catatlas', 2000],
    ['unfinished.catatlas.part-77', 3000],
    ['.hidden', 4000],
  ] as const) {
    writeFileSync(join(directory, name), '');
    utimesSync(join(directory, name), time, time);
  }
  assert.deepEqual(await told(directory), { newest: 2000, lines: [] });
});

test('none is a number too, or nobody would be woken', async () => {
  const directory = join(folder, 'none');
  mkdirSync(directory);
  assert.deepEqual(await told(directory), { newest: 0, lines: [] });
  assert.equal(await findNewestBackup(directory), undefined);
});

test('a directory that cannot be read is none, and is named in the log', async () => {
  const { newest, lines } = await told(join(folder, 'missing'));
  assert.equal(newest, 0);
  assert.match(lines.join(''), /BACKUP_DIR cannot be read.*missing/);
});
