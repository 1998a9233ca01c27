// Images are made for two architectures on one machine, without emulation. What this machine cannot run can at least be looked at; that it
// runs is tried on a machine of that kind before anything is deployed (deploy.yml) or released (release.yml).
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildProgram } from './container.ts';

/** Machine (`e_machine`) and loader of an executable, by the ELF specification: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html. */
function readElf(path: string): { machine: number; loader: string } {
  const head = Buffer.alloc(65_536);
  const file = openSync(path, 'r');
  readSync(file, head, 0, head.length, 0);
  closeSync(file);
  // 64 bits, little endian.
  assert.deepEqual([...head.subarray(0, 6)], [0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  const [table, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  const entries = Array.from({ length: count }, (_, at) => head.subarray(table + at * size, table + (at + 1) * size));
  const loader = entries.find((entry) => entry.readUInt32LE(0) === 3) ?? assert.fail('it has no loader: it is static');
  const [offset, length] = [Number(loader.readBigUInt64LE(8)), Number(loader.readBigUInt64LE(32))];
  return { machine: head.readUInt16LE(18), loader: head.toString('latin1', offset, offset + length - 1) };
}

/** As in <elf.h>, and the loaders of glibc, which is what the base of the image has. */
const machines = {
  amd64: { machine: 62, loader: '/lib64/ld-linux-x86-64.so.2' },
  arm64: { machine: 183, loader: '/lib/ld-linux-aarch64.so.1' },
};

test('the image for the other architecture has a program for it, of this commit', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-architecture-'));
  try {
    const other = process.arch === 'arm64' ? 'amd64' : 'arm64';
    const commit = 'd'.repeat(40);
    const program = buildProgram(other, commit, folder);
    assert.deepEqual(readElf(program), machines[other]);
    assert.ok(readFileSync(program).includes(commit));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
