import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../runtime/process.ts';
import { findProgram, makeServerFolder, spawnServer } from './debian.ts';
import type { PatroniNode } from './patroni.ts';
import { freePort, spawnGuard } from './postgres.ts';
import { root } from './target.ts';

/** A real HAProxy that leads to whichever node Patroni says is the primary. */
export interface RunningHaproxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts HAProxy with deploy/scaling/haproxy.cfg, the addresses replaced by those of the nodes. */
export async function startHaproxy(nodes: readonly PatroniNode[]): Promise<RunningHaproxy> {
  const program = findProgram('haproxy', 'haproxy');
  const { folder, owner } = makeServerFolder('haproxy');
  const port = await freePort();
  let settings = readFileSync(`${root}deploy/scaling/haproxy.cfg`, 'utf8');
  const replace = (text: string, by: string) => {
    if (!settings.includes(text)) throw new Error(`haproxy.cfg has no "${text}"`);
    settings = settings.replace(text, by);
  };
  replace('bind 127.0.0.1:5000', `bind 127.0.0.1:${port}`);
  for (const [index, node] of nodes.entries())
    replace(`10.0.0.1${index + 1}:5432 check port 8008`, `127.0.0.1:${node.port} check port ${node.apiPort}`);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, settings, { mode: 0o644 });
  spawnGuard(folder, 'haproxy.pid', owner);
  const server = spawnServer({ name: 'haproxy', folder, owner, program, args: ['-db', '-f', file] });
  // It begins with the belief that all are primaries, and says of each that its check shows to be none. What it said last counts: a check
  // that took too long makes a primary none for a moment.
  await eventually(
    'HAProxy knows the primary',
    () => {
      if (!server.runs()) throw new Error(`HAProxy ended:\n${server.output()}`);
      const states = new Map(
        [...server.output().matchAll(/(\w+) is (UP|DOWN)/g)].map(([, name, state]) => [name, state]),
      );
      return [...states.values()].filter((state) => state === 'DOWN').length === nodes.length - 1 || undefined;
    },
    60_000,
  );
  return {
    port,
    async stop() {
      await server.end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
