// From an empty account of Fly.io to a running app: `bun scripts/deploy/bootstrap.ts --origin https://FRONT.END [--kind unmanaged|managed]
// [--database NAME] [--organization personal] [--keep FILE] [--run]`. Prints the commands; with --run it runs them. App and region are
// those of fly.toml. What is there already is left alone, so after it stopped it can be run again.
//
// No secret is on a command line or in what is printed. Those that are made go into the file of --keep, which only you can read,
// because Fly.io never shows them again. Needs flyctl on PATH, signed in. Exit codes: 0 done or printed, 1 stopped, 2 wrong options.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { listMachines } from './fly.ts';
import { type Hands, printingHands, type Row, runningHands, Stop } from './hands.ts';
import { fetchPatiently, readOptions, run } from './program.ts';

interface Plan {
  app: string;
  region: string;
  config: string;
  organization: string;
  kind: 'unmanaged' | 'managed';
  database: string;
  origin: string;
  commit: string;
  keep: string;
  url: string;
  wakeSeconds: number;
}

const again = 'Then run this again: it goes on where it stopped.';

async function bootstrap(plan: Plan, hands: Hands): Promise<void> {
  const { app, organization, config, origin, commit } = plan;
  const apps = await hands.list(['apps', 'list', '--json']);
  if (apps.has(app)) hands.skip(`there is an app ${app}`);
  else {
    const advice = `Names are unique on all of Fly.io: write another into ${config}. Fly.io wants a credit card, too. ${again}`;
    await hands.act('The app', ['apps', 'create', app, '--org', organization], advice);
  }
  const secrets = await hands.list(['secrets', 'list', '--app', app, '--json']);
  if (plan.kind === 'managed') await provideManaged(plan, hands, secrets);
  else await provideUnmanaged(plan, hands, apps, secrets);

  const stage = ['secrets', 'set', '--app', app, '--stage'];
  if (secrets.has('JWT_SECRET')) hands.skip('JWT_SECRET is set');
  else {
    const value = randomBytes(32).toString('hex');
    hands.keep('JWT_SECRET', value);
    const input = { value, shell: 'openssl rand -hex 32' };
    await hands.act('The key that signs tokens', [...stage, 'JWT_SECRET=-'], again, input);
  }
  if (secrets.has('ALLOWED_ORIGINS')) hands.skip('ALLOWED_ORIGINS is set');
  else await hands.act('Where the front end is', [...stage, `ALLOWED_ORIGINS=${origin}`], again);

  const build = ['--build-arg', `BUILD_COMMIT=${commit}`];
  await hands.act(
    'The first deployment, of one machine',
    ['deploy', '--app', app, '--config', config, '--ha=false', '--yes', ...build],
    `flyctl logs --app ${app} --no-tail says why: docs/troubleshooting.md. ${again}`,
  );
}

/** A PostgreSQL that is an app of one's own. */
async function provideUnmanaged(
  { app, region, organization, database }: Plan,
  hands: Hands,
  apps: Map<string, Row>,
  secrets: Map<string, Row>,
): Promise<void> {
  if (apps.has(database)) hands.skip(`there is a database ${database}`);
  else {
    const place = ['--name', database, '--org', organization, '--region', region];
    const size = ['--vm-size', 'shared-cpu-1x', '--initial-cluster-size', '1', '--volume-size', '3'];
    const said = await hands.act(
      'PostgreSQL',
      ['postgres', 'create', ...place, ...size, '--enable-backups'],
      `If it was made by half: flyctl apps destroy ${database}. ${again}`,
    );
    keepAddress(hands, 'DATABASE_ADMINISTRATOR_URL', said);
  }
  const enough = 512;
  const machines = hands.onlyPrint ? [] : await listMachines(database).catch(stop);
  if (machines.length > 0 && machines.every(({ memoryMegabytes }) => memoryMegabytes >= enough))
    hands.skip(`${database} has ${enough} MB`);
  else await hands.act('What its backups want', ['scale', 'memory', String(enough), '--app', database], again);

  if (secrets.has('DATABASE_URL')) hands.skip('DATABASE_URL is set');
  else {
    const said = await hands.act(
      'A database and a user for the app',
      ['postgres', 'attach', database, '--app', app, '--superuser=false', '--yes'],
      `If it says that the user exists, set DATABASE_URL by hand (docs/troubleshooting.md, the password is lost). ${again}`,
    );
    keepAddress(hands, 'DATABASE_URL', said);
  }
  // As attach names both. It leaves the database to the superuser, and since PostgreSQL 15 only the owner may make tables in it. The
  // socket is open to whoever is on that machine (fly-apps/postgres-flex, internal/flypg/pg.go).
  const name = app.toLowerCase().replaceAll('-', '_');
  const sql = `alter database ${name} owner to ${name};`;
  await hands.act(
    'The user may make tables',
    ['ssh', 'console', '--app', database, '--command', 'psql --username postgres --port 5433 --set ON_ERROR_STOP=1'],
    `Type it in flyctl postgres connect --app ${database}: ${sql} ${again}`,
    { value: `${sql}\n`, shell: `echo '${sql}'` },
  );
}

function stop(error: Error): never {
  throw new Stop(error.message, again);
}

/** Managed Postgres. Its address leads through PgBouncer, past which migrations have to go. */
async function provideManaged(
  { app, region, organization, database }: Plan,
  hands: Hands,
  secrets: Map<string, Row>,
): Promise<void> {
  const list = ['mpg', 'list', '--org', organization, '--json'];
  let cluster = (await hands.list(list)).get(database);
  if (cluster) hands.skip(`there is a cluster ${database}`);
  else {
    const place = ['--name', database, '--org', organization, '--region', region];
    const size = ['--plan', 'basic', '--volume-size', '10', '--pg-major-version', '17'];
    await hands.act('Managed Postgres', ['mpg', 'create', ...place, ...size], again);
    cluster = (await hands.list(list)).get(database);
    if (!cluster && !hands.onlyPrint) throw new Stop(`flyctl mpg list does not name ${database}`, again);
  }
  if (secrets.has('DATABASE_URL')) hands.skip('DATABASE_URL is set');
  else {
    const id = String(cluster?.['id'] ?? cluster?.['Id'] ?? 'ID');
    keepAddress(hands, 'DATABASE_URL', await hands.act('For the app', ['mpg', 'attach', id, '--app', app], again));
  }
  if (secrets.has('DIRECT_DATABASE_URL')) hands.skip('DIRECT_DATABASE_URL is set');
  else {
    const set = ['secrets', 'set', '--app', app, '--stage', 'DIRECT_DATABASE_URL=-'];
    const pooled = hands.kept('DATABASE_URL');
    if (pooled === undefined && !hands.onlyPrint)
      throw new Stop(
        'the address of the database past PgBouncer is not known',
        `The dashboard has it (Managed Postgres, Connect). Set it: flyctl ${set.join(' ')} < FILE. ${again}`,
      );
    const value = pooled?.replace('@pgbouncer.', '@direct.') ?? '';
    hands.keep('DIRECT_DATABASE_URL', value);
    const shell = "printf %s 'postgresql://USER:PASSWORD@direct.ID.flympg.net/DATABASE'";
    await hands.act('The same, past PgBouncer', set, again, { value, shell });
  }
}

/** Keeps the address of a database that flyctl prints when it has made one. */
function keepAddress(hands: Hands, name: string, said: string): void {
  const address = /\bpostgres(?:ql)?:\/\/[^\s:]+:[^\s@]+@\S+/.exec(said)?.[0];
  if (address !== undefined) hands.keep(name, address);
  else if (!hands.onlyPrint) console.log(`${name}: flyctl printed no address that could be kept.`);
}

/** That it answers, with the commit that was deployed. Throws Stop. */
async function prove({ app, url, commit, wakeSeconds }: Plan): Promise<void> {
  const look = `flyctl logs --app ${app} --no-tail says why: docs/troubleshooting.md.`;
  const body = await fetchPatiently(`${url}/version`, wakeSeconds);
  if (body === undefined) throw new Stop(`${url} does not answer`, look);
  if (!body.includes(commit)) throw new Stop(`${url} is not of commit ${commit}: ${body.slice(0, 200)}`, look);
  if ((await fetchPatiently(`${url}/health/ready`, wakeSeconds)) === undefined)
    throw new Stop(`${url}/health/ready does not answer 200`, look);
}

async function readPlan(argv: readonly string[]): Promise<Plan> {
  const { kind, origin, config, organization, ...given } = readOptions(argv, ['origin'], {
    kind: 'unmanaged',
    config: 'fly.toml',
    organization: 'personal',
    database: '',
    keep: '',
    url: '',
    wake: '60',
  });
  if (kind !== 'unmanaged' && kind !== 'managed') throw new Error(`--kind ${kind}: expected unmanaged or managed`);
  if (!URL.canParse(origin) || new URL(origin).origin !== origin)
    throw new Error(`--origin ${origin}: expected scheme and host, such as https://catatlas.com`);
  const { app, primary_region: region } = Bun.TOML.parse(readFileSync(config, 'utf8')) as Row;
  if (typeof app !== 'string' || typeof region !== 'string') throw new Error(`${config} names no app, or no region`);
  const commit = (await run('git', ['rev-parse', 'HEAD'])).stdout.trim();
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new Error('this is no checkout of git');
  return {
    ...{ app, region, config, kind, origin, organization, commit },
    database: given.database || `${app.replace(/-api$/, '')}-db`,
    keep: given.keep || join(homedir(), `${app}.secrets`),
    url: given.url || `https://${app}.fly.dev`,
    wakeSeconds: Number(given.wake),
  };
}

try {
  const argv = process.argv.slice(2);
  const plan = await readPlan(argv.filter((word) => word !== '--run'));
  if (argv.includes('--run')) {
    await bootstrap(plan, runningHands(plan.keep));
    await prove(plan);
    console.log(`\n${plan.url} serves commit ${plan.commit}.`);
    if (existsSync(plan.keep))
      console.log(`Put what is in ${plan.keep} where you keep passwords, and delete the file.`);
  } else {
    console.log('# What --run would do with an empty account. Nothing has been done.');
    await bootstrap(plan, printingHands);
  }
} catch (error) {
  const stopped = error instanceof Stop;
  console.error(
    stopped ? `\nStopped: ${error.message}\n${error.advice}` : error instanceof Error ? error.message : error,
  );
  process.exitCode = stopped ? 1 : 2;
}
