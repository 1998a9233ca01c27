import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { eventually } from '../runtime/process.ts';
import { findPostgresPrograms, findProgram, makeServerFolder, type ServerProcess, spawnServer } from './debian.ts';
import { freePort, hasEnded, type Owner, processesOf, signalAll, spawnGuard } from './postgres.ts';
import { root } from './target.ts';

/** One node: Patroni and the PostgreSQL that it runs. */
export interface PatroniNode {
  readonly name: string;
  /** The port of PostgreSQL. */
  readonly port: number;
  /** The port of Patroni's REST API, which HAProxy asks. */
  readonly apiPort: number;
  /** SIGKILL to every process of the node at once: the machine is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, with the data it had. */
  start(): void;
  /** Stops every process where it stands (SIGSTOP): connections stay open, nothing answers. */
  freeze(): void;
  /** Stops Patroni alone: nobody keeps the leader's key, and PostgreSQL goes on. */
  freezePatroni(): void;
  thaw(): void;
  /** Stops the processes that send its WAL to the standbys. Returns how many. They die with the node. */
  holdBackReplication(): number;
}

export interface PatroniCluster {
  readonly nodes: readonly PatroniNode[];
  /** Makes a database and a role that owns it. Returns the address that names every node and wants the primary. */
  createDatabase(name: string): Promise<string>;
  /** The same database on one node, whatever that is at the moment. */
  urlOn(node: PatroniNode, databaseUrl: string): string;
  /** The node that has the leader's key and takes writes. Waits for one. */
  leader(): Promise<PatroniNode>;
  /** Waits until every node is in the cluster, every standby streams from the leader, and one is synchronous (or none, if told). */
  settled(withSynchronous?: boolean): Promise<PatroniNode>;
  /** Hands over, planned, to the synchronous standby. Resolves when Patroni says that it is done. */
  switchOver(): Promise<void>;
  /** Changes the dynamic configuration, as `patronictl edit-config` does. */
  configure(changes: Record<string, unknown>): Promise<void>;
  /** How long etcd keeps the leader's key, in seconds: `ttl` of patroni.yml, or what this Patroni has made of it. */
  leaseSeconds(): Promise<number>;
  /** The logs of everything, for the message of a failed test. */
  output(): string;
  stop(): Promise<void>;
}

interface Member {
  name: string;
  role: string;
  state: string;
  timeline?: number;
}

const clusterName = 'catatlas';
const superuser = { name: 'postgres', password: 'superuser-of-the-test' };
const application = { name: 'catatlas', password: 'application-of-the-test' };
const startDeadline = 120_000;

/** Room for etcd and the data of all nodes, in bytes. */
const clusterBytes = 2 * 1024 ** 3;

/**
 * Memory, where there is enough: etcd lets go of the leader's key when its disk takes too long, and what is proved here is not the disk.
 */
function memoryFolder(): string | undefined {
  const folder = '/dev/shm';
  if (!existsSync(folder)) return undefined;
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > clusterBytes ? folder : undefined;
}

/**
 * Starts etcd and three Patroni nodes with deploy/scaling/patroni.yml, on free ports of 127.0.0.1. Three, because with one of two
 * lost there would be no standby to be synchronous with. Should this process die, even by SIGKILL, all of it is ended.
 */
export async function startPatroni(nodeCount = 3): Promise<PatroniCluster> {
  const etcdProgram = findProgram('etcd', 'etcd-server');
  const patroniProgram = findProgram('patroni', 'patroni python3-etcd');
  const programs = findPostgresPrograms();
  const { folder, owner } = makeServerFolder('patroni', memoryFolder());
  const names = Array.from({ length: nodeCount }, (_, index) => `node${index + 1}`);
  // Patroni first: it would start its PostgreSQL again.
  spawnGuard(
    folder,
    ['etcd.pid', ...names.map((name) => `${name}/patroni.pid`), ...names.map((name) => `${name}/data/postmaster.pid`)],
    owner,
  );
  const etcd = await startEtcd(etcdProgram, folder, owner);
  const nodes: (PatroniNode & Internals)[] = [];
  for (const name of names)
    nodes.push(
      await makeNode({ name, folder: join(folder, name), owner, program: patroniProgram, programs, etcd: etcd.port }),
    );

  const ask = async (node: PatroniNode, method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${node.apiPort}${path}`, {
      method,
      signal: AbortSignal.timeout(method === 'GET' ? 2000 : 60_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const members = async (): Promise<Member[]> => {
    for (const node of nodes) {
      const answer = await ask(node, 'GET', '/cluster').catch(() => undefined);
      if (answer?.status === 200) return (JSON.parse(answer.text) as { members: Member[] }).members;
    }
    return [];
  };
  const isPrimary = async (node: PatroniNode) =>
    await ask(node, 'GET', '/primary').then(
      ({ status }) => status === 200,
      () => false,
    );
  const leader = () =>
    eventually(
      'a leader',
      async () => {
        const found = await Promise.all(nodes.map(isPrimary));
        return nodes[found.indexOf(true)];
      },
      startDeadline,
    );
  const asSuperuser = async <T>(node: PatroniNode, work: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
    const sql = postgres({
      host: '127.0.0.1',
      port: node.port,
      user: superuser.name,
      pass: superuser.password,
      database: 'postgres',
      max: 1,
      connect_timeout: 2,
      onnotice: () => {},
    });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  const settled = (withSynchronous = true) =>
    eventually(
      'every standby streams from the leader',
      async () => {
        const all = await members();
        const leading = nodes.find(({ name }) => all.some((one) => one.name === name && one.role === 'leader'));
        const sameTimeline = new Set(all.map(({ timeline }) => timeline)).size === 1;
        if (leading === undefined || all.length !== nodeCount || !sameTimeline) return undefined;
        const streams = await asSuperuser(
          leading,
          (sql) => sql<{ state: string; sync_state: string }[]>`select state, sync_state from pg_stat_replication`,
        ).catch(() => []);
        const synchronous = streams.filter(({ sync_state }) => sync_state === 'sync').length;
        const named = all.filter(({ role }) => role === 'sync_standby').length;
        const complete = streams.filter(({ state }) => state === 'streaming').length === nodeCount - 1;
        const wanted = withSynchronous ? 1 : 0;
        return complete && synchronous === wanted && named === wanted ? leading : undefined;
      },
      startDeadline,
    );
  const output = () =>
    [etcd.process, ...nodes].map((one) => one.output().split('\n').slice(-40).join('\n')).join('\n--\n');

  try {
    // The first one makes the cluster, so that which node leads at the start is not left to chance.
    const [first, ...others] = nodes;
    first?.start();
    await leader();
    for (const node of others) node.start();
    await settled();
  } catch (error) {
    throw new Error(`Patroni does not start: ${String(error)}\n${output()}`);
  }
  return {
    nodes,
    async createDatabase(name) {
      await asSuperuser(await leader(), async (sql) => {
        await sql.unsafe(`create role ${application.name} login password '${application.password}'`);
        await sql.unsafe(`create database ${name} owner ${application.name}`);
      });
      const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
      return `postgresql://${application.name}:${application.password}@${hosts}/${name}?target_session_attrs=read-write`;
    },
    urlOn: (node, databaseUrl) =>
      databaseUrl.replace(/@[^/]+/, `@127.0.0.1:${node.port}`).replace('?target_session_attrs=read-write', ''),
    leader,
    settled,
    async switchOver() {
      const all = await members();
      const name = (role: string) => all.find((one) => one.role === role)?.name;
      const from = nodes.find((node) => node.name === name('leader'));
      if (from === undefined) throw new Error('there is no leader to hand over');
      const wanted = { leader: from.name, candidate: name('sync_standby') };
      const { status, text } = await ask(from, 'POST', '/switchover', wanted);
      if (status !== 200) throw new Error(`no switchover: ${status} ${text}`);
    },
    async configure(changes) {
      const { status, text } = await ask(await leader(), 'PATCH', '/config', changes);
      if (status !== 200) throw new Error(`the configuration was not changed: ${status} ${text}`);
    },
    leaseSeconds: () => readLease(etcd.port),
    output,
    async stop() {
      for (const node of nodes) await node.kill();
      await etcd.process.end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startEtcd(program: string, folder: string, owner: Owner | undefined) {
  const [port, peerPort] = [await freePort(), await freePort()];
  const peer = `http://127.0.0.1:${peerPort}`;
  const client = `http://127.0.0.1:${port}`;
  const settings = {
    name: 'etcd1',
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `etcd1=${peer}`,
    'enable-v2': 'true',
  };
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const process = spawnServer({ name: 'etcd', folder, owner, program, args });
  await eventually(
    'etcd is healthy',
    async () => {
      if (!process.runs()) throw new Error(`etcd ended:\n${process.output()}`);
      const response = await fetch(`${client}/health`).catch(() => undefined);
      return response?.ok ? true : undefined;
    },
    startDeadline,
  );
  return { port, process };
}

/** etcd tells how long a key has left. Renewed each second, it has all of its time again: the most that is seen in a while. */
async function readLease(port: number): Promise<number> {
  const until = performance.now() + 2500;
  let most = 0;
  while (performance.now() < until) {
    const response = await fetch(`http://127.0.0.1:${port}/v2/keys/service/${clusterName}/leader`);
    const { node } = (await response.json()) as { node?: { ttl: number } };
    most = Math.max(most, node?.ttl ?? 0);
  }
  return most;
}

interface Internals {
  output(): string;
}

interface NodeOptions {
  name: string;
  folder: string;
  owner: Owner | undefined;
  /** Patroni. */
  program: string;
  /** The folder of PostgreSQL's programs. */
  programs: string;
  /** The port of etcd. */
  etcd: number;
}

async function makeNode({
  name,
  folder,
  owner,
  program,
  programs,
  etcd,
}: NodeOptions): Promise<PatroniNode & Internals> {
  const [port, apiPort] = [await freePort(), await freePort()];
  const dataDirectory = join(folder, 'data');
  // A copy: the user that runs servers may not read the repository.
  const settings = join(folder, 'patroni.yml');
  mkdirSync(folder, { mode: 0o700 });
  copyFileSync(`${root}deploy/scaling/patroni.yml`, settings);
  chmodSync(settings, 0o600);
  if (owner) for (const path of [folder, settings]) chownSync(path, owner.uid, owner.gid);
  const env = {
    PATRONI_SCOPE: clusterName,
    PATRONI_NAME: name,
    PATRONI_ETCD_HOSTS: `127.0.0.1:${etcd}`,
    PATRONI_RESTAPI_LISTEN: `127.0.0.1:${apiPort}`,
    PATRONI_RESTAPI_CONNECT_ADDRESS: `127.0.0.1:${apiPort}`,
    PATRONI_POSTGRESQL_LISTEN: `127.0.0.1:${port}`,
    PATRONI_POSTGRESQL_CONNECT_ADDRESS: `127.0.0.1:${port}`,
    PATRONI_POSTGRESQL_DATA_DIR: dataDirectory,
    PATRONI_POSTGRESQL_BIN_DIR: programs,
    PATRONI_POSTGRESQL_PGPASS: join(folder, 'pgpass'),
    PATRONI_SUPERUSER_USERNAME: superuser.name,
    PATRONI_SUPERUSER_PASSWORD: superuser.password,
    PATRONI_REPLICATION_USERNAME: 'replicator',
    PATRONI_REPLICATION_PASSWORD: 'replicator-of-the-test',
    PATRONI_REWIND_USERNAME: 'rewind',
    PATRONI_REWIND_PASSWORD: 'rewind-of-the-test',
  };
  let patroni: ServerProcess | undefined;
  const postmaster = (): number | undefined => {
    const file = join(dataDirectory, 'postmaster.pid');
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
  };
  /** Patroni, PostgreSQL and their children. PostgreSQL is no child of Patroni: it outlives it. */
  const processes = () =>
    [patroni?.pid, postmaster()].flatMap((pid) =>
      pid === undefined || !existsSync(`/proc/${pid}`) ? [] : processesOf(pid),
    );
  const freeze = () => {
    // Twice: what was started while the first list was made is on the second.
    for (let round = 0; round < 2; round += 1) signalAll(processes(), 'SIGSTOP');
  };
  return {
    name,
    port,
    apiPort,
    output: () => `${name}:\n${patroni?.output() ?? 'not started'}`,
    start() {
      patroni = spawnServer({ name: 'patroni', folder, owner, program, args: [settings], env });
    },
    async kill() {
      if (patroni === undefined) return;
      // First it stands still as a whole: nobody inside may see a part of it die, and act.
      freeze();
      const doomed = processes();
      signalAll(doomed, 'SIGKILL');
      await patroni.end('SIGKILL');
      patroni = undefined;
      await eventually('the processes are gone', () => (doomed.every(hasEnded) ? true : undefined));
    },
    freeze,
    freezePatroni() {
      if (patroni !== undefined) signalAll(processesOf(patroni.pid), 'SIGSTOP');
    },
    thaw: () => signalAll(processes(), 'SIGCONT'),
    holdBackReplication() {
      const senders = processes().filter((pid) => titleOf(pid).includes('walsender'));
      signalAll(senders, 'SIGSTOP');
      return senders.length;
    },
  };
}

/** How a process calls itself: PostgreSQL's say what they do. Nothing for one that has gone meanwhile. */
function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
