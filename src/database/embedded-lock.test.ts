import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, describe, it } from 'node:test';
import { startChild } from './child-process.fixture.ts';
import { DirectoryInUseError } from './embedded-failure.ts';
import { acquireDirectoryLock } from './embedded-lock.ts';

const scratch = mkdtempSync(join(tmpdir(), 'lock-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

function newDirectory(): string {
  const directory = join(mkdtempSync(join(scratch, 'case-')), 'data');
  mkdirSync(directory);
  return directory;
}

/** The record of this process's own lock, changed: what another owner would have left. */
function leaveLock(directory: string, changes: Record<string, unknown>): void {
  const lock = acquireDirectoryLock(directory);
  const record = JSON.parse(readFileSync(lock.path, 'utf8'));
  lock.release();
  writeFileSync(`${directory}.lock`, JSON.stringify({ ...record, token: randomUUID(), ...changes }));
}

/** A pid that no process has: above the largest that Linux gives. */
const deadPid = 4_194_999;
const onLinux = existsSync('/proc/self/stat');

describe('acquireDirectoryLock', () => {
  it('puts the lock beside the directory, with the pid of this process, until it is released', () => {
    const directory = newDirectory();
    const lock = acquireDirectoryLock(directory);
    assert.equal(lock.path, `${directory}.lock`);
    assert.equal(JSON.parse(readFileSync(lock.path, 'utf8')).pid, process.pid);
    assert.deepEqual(readdirSync(directory), []);
    lock.release();
    lock.release();
    assert.deepEqual(readdirSync(join(directory, '..')), ['data']);
    acquireDirectoryLock(directory).release();
  });

  it('refuses a second lock in the same process', () => {
    const directory = newDirectory();
    const lock = acquireDirectoryLock(directory);
    assert.throws(() => acquireDirectoryLock(directory), { name: 'DirectoryInUseError', pid: process.pid });
    lock.release();
  });

  it('sees through symbolic links', () => {
    const directory = newDirectory();
    symlinkSync(directory, `${directory}-link`);
    const lock = acquireDirectoryLock(directory);
    assert.throws(() => acquireDirectoryLock(`${directory}-link`), DirectoryInUseError);
    lock.release();
  });

  it('refuses while another process lives, naming it, and takes over when it has been killed', async () => {
    const directory = newDirectory();
    const child = startChild(
      scratch,
      `import { acquireDirectoryLock } from 'src/database/embedded-lock.ts';
       acquireDirectoryLock(${JSON.stringify(directory)});
       console.log('held');
       setInterval(() => {}, 1000);`,
    );
    assert.equal(await child.nextLine(), 'held');
    assert.throws(
      () => acquireDirectoryLock(directory),
      (error: unknown) => {
        assert.ok(error instanceof DirectoryInUseError);
        assert.equal(error.pid, child.pid);
        assert.equal(error.directory, directory);
        assert.match(error.message, new RegExp(`process ${child.pid} .*DATA_DIR`));
        return true;
      },
    );
    await child.kill();
    assert.ok(existsSync(`${directory}.lock`), 'a killed process cannot have released');
    const lock = acquireDirectoryLock(directory);
    assert.equal(JSON.parse(readFileSync(lock.path, 'utf8')).pid, process.pid);
    lock.release();
    assert.deepEqual(readdirSync(join(directory, '..')), ['data']);
  });

  it('is released when its process ends without doing so', async () => {
    const directory = newDirectory();
    const child = startChild(
      scratch,
      `import { acquireDirectoryLock } from 'src/database/embedded-lock.ts';
       console.log(acquireDirectoryLock(${JSON.stringify(directory)}).path);
       process.exit(0);`,
    );
    assert.equal(await child.nextLine(), `${directory}.lock`);
    assert.equal(await child.ended, 0);
    assert.equal(existsSync(`${directory}.lock`), false);
  });

  it('does not take a lock from a living process, however old', () => {
    const directory = newDirectory();
    leaveLock(directory, { since: '2001-01-01T00:00:00.000Z' });
    assert.throws(() => acquireDirectoryLock(directory), { pid: process.pid });
  });

  it('knows a reused pid by when its process started, and a reboot by the boot', { skip: !onLinux }, () => {
    const directory = newDirectory();
    leaveLock(directory, { start: '1' });
    acquireDirectoryLock(directory).release();
    leaveLock(directory, { boot: randomUUID() });
    acquireDirectoryLock(directory).release();
  });

  it('does not judge processes that it cannot see', { skip: !onLinux }, () => {
    const directory = newDirectory();
    const unseen = [
      { pid: deadPid, namespace: 'pid:[1]' },
      { pid: deadPid, boot: randomUUID(), host: `not-${hostname()}` },
    ];
    for (const changes of unseen) {
      leaveLock(directory, changes);
      assert.throws(() => acquireDirectoryLock(directory), /cannot be told .* delete .*data\.lock/);
      rmSync(`${directory}.lock`);
    }
  });

  it('refuses a lock that it cannot read', () => {
    const directory = newDirectory();
    for (const content of ['', '{}', '{"pid":1,"token":"../../x"}', 'null']) {
      writeFileSync(`${directory}.lock`, content);
      assert.throws(() => acquireDirectoryLock(directory), /not readable as a lock/);
    }
  });

  it('goes on where a process was killed while taking over', () => {
    const directory = newDirectory();
    leaveLock(directory, { pid: deadPid, token: 'first' });
    const claim = readFileSync(`${directory}.lock`, 'utf8').replace('"first"', '"second"');
    writeFileSync(`${directory}.lock.after-first`, claim);
    acquireDirectoryLock(directory).release();
    assert.deepEqual(readdirSync(join(directory, '..')), ['data']);
  });

  it('leaves the lock of somebody else alone when it is released', () => {
    const directory = newDirectory();
    const lock = acquireDirectoryLock(directory);
    rmSync(lock.path);
    const other = acquireDirectoryLock(directory);
    lock.release();
    assert.ok(existsSync(other.path));
    other.release();
  });

  it('lets exactly one of several takers have a dead process’s lock', { timeout: 60_000 }, async () => {
    const directory = newDirectory();
    const takers = Array.from({ length: 4 }, () =>
      startChild(
        scratch,
        `import { createInterface } from 'node:readline';
         import { acquireDirectoryLock } from 'src/database/embedded-lock.ts';
         let lock;
         console.log('ready');
         for await (const line of createInterface({ input: process.stdin })) {
           if (line === 'release') { lock?.release(); lock = undefined; console.log('released'); continue; }
           while (Date.now() < Number(line));
           try { lock = acquireDirectoryLock(${JSON.stringify(directory)}); console.log('won'); }
           catch (error) { console.log(error.name); }
         }`,
      ),
    );
    try {
      for (const taker of takers) assert.equal(await taker.nextLine(), 'ready');
      for (let round = 0; round < 25; round++) {
        leaveLock(directory, { pid: deadPid });
        const start = Date.now() + 15;
        for (const taker of takers) taker.tell(String(start));
        const outcomes = await Promise.all(takers.map((taker) => taker.nextLine()));
        assert.deepEqual(outcomes.toSorted(), [
          'DirectoryInUseError',
          'DirectoryInUseError',
          'DirectoryInUseError',
          'won',
        ]);
        for (const taker of takers) taker.tell('release');
        for (const taker of takers) assert.equal(await taker.nextLine(), 'released');
        assert.deepEqual(readdirSync(join(directory, '..')), ['data']);
      }
    } finally {
      for (const taker of takers) await taker.kill();
    }
  });
});
