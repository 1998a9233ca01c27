import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeEmptyArchive } from '../archive/empty-archive.fixture.ts';
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

const archive = await makeEmptyArchive();

test('the newest complete archive counts', async () => {
  const directory = join(folder, 'some');
  mkdirSync(directory);
  for (const [name, time] of [
    ['old.catatlas', 1000],
    ['new.catatlas', 2000],
    ['unfinished.catatlas.part-77', 3000],
    ['.hidden', 4000],
  ] as const) {
    writeFileSync(join(directory, name), archive);
    utimesSync(join(directory, name), time, time);
  }
  assert.deepEqual(await told(directory), { newest: 2000, lines: [] });
});

test('none is a number too, or nobody would be woken', async () => {
  const directory = join(folder, 'none');
  mkdirSync(directory);
  assert.deepEqual(await told(directory), { newest: 0, lines: [] });
  assert.deepEqual(await findNewestBackup(directory), { newest: undefined, flawed: [] });
});

test('what does not begin and end as an archive does not count, and is named', async () => {
  const directory = join(folder, 'flawed');
  mkdirSync(directory);
  for (const [name, content, time] of [
    ['empty.tar', '', 5000],
    ['backup.log', 'backup create: done\n', 4000],
    ['cut.tar', archive.subarray(0, archive.length - 512), 3000],
    ['zeroed.tar', Buffer.concat([archive.subarray(0, 4096), Buffer.alloc(archive.length)]), 2000],
  ] as const) {
    writeFileSync(join(directory, name), content);
    utimesSync(join(directory, name), time, time);
  }
  const flawed = [
    'empty.tar: it is empty',
    'backup.log: it is not a CatAtlas archive',
    'cut.tar: the archive is cut off or damaged: it does not end with its checksum',
    'zeroed.tar: the archive is cut off or damaged: it does not end with its checksum',
  ];
  assert.deepEqual(await findNewestBackup(directory), { newest: undefined, flawed });
  const { newest, lines } = await told(directory);
  assert.equal(newest, 0);
  assert.match(lines.join(''), /no whole archives.*empty\.tar: it is empty/);

  writeFileSync(join(directory, 'whole.tar'), archive);
  utimesSync(join(directory, 'whole.tar'), 1000, 1000);
  assert.deepEqual(await findNewestBackup(directory), { newest: 1000, flawed });
});

test('a directory that cannot be read is none, and is named in the log', async () => {
  const { newest, lines } = await told(join(folder, 'missing'));
  assert.equal(newest, 0);
  assert.match(lines.join(''), /BACKUP_DIR cannot be read.*missing/);
});
