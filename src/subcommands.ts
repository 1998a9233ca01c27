import type { CatalogEntry } from './cli/command-catalog.ts';

/** Every command but help (which explains these), in the order of the help text. Each is loaded only when it is needed. */
export const catalog: readonly CatalogEntry[] = [
  {
    name: 'serve',
    summary: 'Serve the API and its documentation (the default)',
    alsoCalled: ['start', 'run', 'server', 'up', 'dev', 'web'],
    load: async () => (await import('./commands/serve.ts')).command,
  },
  {
    name: 'migrate',
    summary: 'Bring the schema of the database up to date, or show its state',
    alsoCalled: ['upgrade', 'migrations', 'migration', 'init'],
    load: async () => (await import('./commands/migrate.ts')).command,
  },
  {
    name: 'backup',
    summary: 'Create, prove, restore and list backups',
    alsoCalled: ['dump', 'restore', 'export', 'archive'],
    load: async () => (await import('./commands/backup.ts')).command,
  },
  {
    name: 'copy',
    summary: 'Copy everything into another database',
    alsoCalled: ['clone', 'transfer', 'move'],
    load: async () => (await import('./commands/copy.ts')).command,
  },
  {
    name: 'import',
    summary: 'Take over the SQLite file of the first server',
    alsoCalled: ['load', 'sqlite'],
    load: async () => (await import('./commands/import.ts')).command,
  },
  {
    name: 'seed',
    summary: 'Fill a database with made-up sightings, to try out and to measure',
    alsoCalled: ['demo', 'fill', 'generate-data', 'fixtures'],
    load: async () => (await import('./commands/seed.ts')).command,
  },
  {
    name: 'config',
    summary: 'Check the settings, or print them with their sources',
    alsoCalled: ['configuration', 'settings', 'env', 'environment', 'check', 'validate', 'print'],
    load: async () => (await import('./commands/config.ts')).command,
  },
  {
    name: 'doctor',
    summary: 'Look at everything that can be wrong: settings, database, schema, disk, a running server',
    alsoCalled: ['diagnose', 'examine', 'troubleshoot'],
    load: async () => (await import('./commands/doctor.ts')).command,
  },
  {
    name: 'selftest',
    summary: 'Prove that this program works on this machine, with nothing else',
    alsoCalled: ['self-test', 'test', 'try'],
    load: async () => (await import('./commands/selftest.ts')).command,
  },
  {
    name: 'healthcheck',
    summary: 'Ask a running server whether it lives, or is ready',
    alsoCalled: ['health', 'ping', 'status', 'live', 'ready'],
    load: async () => (await import('./commands/healthcheck.ts')).command,
  },
  {
    name: 'secret',
    summary: 'Make a secret for JWT_SECRET',
    alsoCalled: ['generate', 'key', 'keygen', 'token'],
    load: async () => (await import('./commands/secret.ts')).command,
  },
  {
    name: 'openapi',
    summary: 'Print the OpenAPI document of the API',
    alsoCalled: ['swagger', 'docs', 'spec', 'schema'],
    load: async () => (await import('./commands/openapi.ts')).command,
  },
  {
    name: 'licenses',
    summary: 'Print the licenses of what others made and this program holds',
    alsoCalled: ['license', 'licence', 'licences', 'notice', 'credits'],
    load: async () => (await import('./commands/licenses.ts')).command,
  },
  {
    name: 'version',
    summary: 'Print the version, the commit and the time of the build',
    alsoCalled: ['about', 'info'],
    load: async () => (await import('./commands/version.ts')).command,
  },
];
