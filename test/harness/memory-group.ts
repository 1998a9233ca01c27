import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

/** Processes that may use so much memory together, and are killed when they want more. */
export interface MemoryGroup {
  /** How it is enforced. `none`: this system lets us make no group, and only `peakOf` tells. */
  kind: 'cgroup v2' | 'cgroup v1' | 'none';
  /** Put in front of a command line, it runs that within the group. */
  prefix: readonly [string, ...string[]] | [];
  close(): void;
}

const root = '/sys/fs/cgroup';

/**
 * A control group with this limit, without swap. Not `prlimit --as`: JavaScriptCore reserves gigabytes of addresses that it never uses, so
 * a limit on addresses says nothing of memory.
 */
export function openMemoryGroup(bytes: number): MemoryGroup {
  const name = `catatlas-test-${process.pid}-${Math.floor(performance.now())}`;
  const attempts = [
    { kind: 'cgroup v2', folder: root, limit: 'memory.max', swap: 'memory.swap.max', noSwap: 0 },
    {
      kind: 'cgroup v1',
      folder: `${root}/memory`,
      limit: 'memory.limit_in_bytes',
      swap: 'memory.memsw.limit_in_bytes',
      noSwap: bytes,
    },
  ] as const;
  for (const { kind, folder, limit, swap, noSwap } of attempts) {
    const group = `${folder}/${name}`;
    if (!isWritable(folder)) continue;
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    // Where memory is not counted for this group, it has no such file.
    if (!existsSync(`${group}/${limit}`)) {
      rmdirSync(group);
      continue;
    }
    writeFileSync(`${group}/${limit}`, String(bytes));
    if (existsSync(`${group}/${swap}`)) writeFileSync(`${group}/${swap}`, String(noSwap));
    return {
      kind,
      prefix: ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh'],
      close: () => rmdirSync(group),
    };
  }
  return { kind: 'none', prefix: [], close() {} };
}

/** The most memory that a process has had so far, in bytes. Linux only. */
export function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  if (kilobytes === undefined) throw new Error(`no peak in /proc/${pid}/status`);
  return Number(kilobytes) * 1024;
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
