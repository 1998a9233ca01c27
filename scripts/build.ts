// Makes dist/catatlas, the one executable. `bun run build [--target bun-linux-arm64] [--outfile dist/catatlas] [--bill catatlas.cdx.json]`
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import manifest from '../package.json' with { type: 'json' };

/** More than this and a cold start from a registry hurts. Nothing starts a Windows binary from one, and its runtime is larger. */
const maxMegabytes = { linux: 140, elsewhere: 155 };

const { values } = parseArgs({
  options: { target: { type: 'string' }, outfile: { type: 'string' }, bill: { type: 'string' } },
});
const target = values.target ?? process.platform;
// The compiler adds the ending, and says nothing.
const ending = /windows|win32/.test(target) ? '.exe' : '';
const outfile = (values.outfile ?? 'dist/catatlas').replace(/(\.exe)?$/, ending);
const commit = process.env['BUILD_COMMIT'] ?? currentCommit();
const time = buildTime();

const result = await Bun.build({
  entrypoints: ['src/main.ts'],
  target: 'bun',
  format: 'esm',
  // Halves the time to the first answer. Needs ESM because of top-level await.
  bytecode: true,
  // What a start does not need (the documentation, the embedded engine) is loaded only when asked for.
  splitting: true,
  // Identifiers stay: Elysia reads the source of handlers at run time and one-letter names break it.
  minify: { whitespace: true, syntax: true, identifiers: false },
  sourcemap: 'none',
  metafile: values.bill !== undefined,
  define: {
    BUILD_VERSION: JSON.stringify(manifest.version),
    BUILD_COMMIT: JSON.stringify(commit),
    BUILD_TIME: JSON.stringify(time),
    'process.env.NODE_ENV': '"production"',
  },
  compile: {
    outfile,
    // A binary must not read .env or bunfig.toml of whatever folder it is started in.
    autoloadDotenv: false,
    autoloadBunfig: false,
    ...(values.target ? { target: values.target as Bun.Build.CompileTarget } : {}),
  },
});

for (const log of result.logs) console.error(String(log));
if (!result.success) process.exit(1);

const megabytes = statSync(outfile).size / 1_000_000;
console.log(`${outfile}: ${megabytes.toFixed(1)} MB`);
const limit = target.includes('linux') ? maxMegabytes.linux : maxMegabytes.elsewhere;
if (megabytes > limit) {
  console.error(`${outfile} is larger than ${limit} MB`);
  process.exit(1);
}

if (values.bill !== undefined) {
  const { billOfMaterials } = await import('./bill-of-materials.ts');
  writeFileSync(values.bill, billOfMaterials(Object.keys(result.metafile?.inputs ?? {}), { commit, time }));
}

/** The commit, marked when the tree has changes; `unknown` outside a checkout. */
function currentCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '-dirty');
  } catch {
    return 'unknown';
  }
}

/** SOURCE_DATE_EPOCH (reproducible-builds.org) where set, so that the same commit gives the same bytes. */
function buildTime(): string {
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  return new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
