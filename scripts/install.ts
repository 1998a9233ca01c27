// Installs packages and says how far it is: the first command of a visitor must not be silent for a minute.
// `bun scripts/install.ts` installs everything; with --production only what the server needs, unless everything is there already.
// Needs no package itself. Runs no script of any package, and writes nothing but node_modules.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');

/** How often it is said how far the work is, in milliseconds. */
const interval = 3000;

const isDeveloper = existsSync(join(modules, '@biomejs/biome'));
const onlyServer = process.argv.includes('--production') && !isDeveloper;
const isFresh = !existsSync(join(modules, 'elysia'));
if (isFresh)
  console.log(
    onlyServer
      ? 'Installing what the server needs, about 350 MB on disk. Only this first time.'
      : 'Installing everything, tools and test servers included, about 730 MB on disk. Only this first time.',
  );

const began = performance.now();
const seconds = () => Math.round((performance.now() - began) / 1000);
const timer = setInterval(
  () => console.log(`  ${seconds()} s: ${countPackages()} packages are there, still installing …`),
  interval,
);
const child = spawn(
  process.execPath,
  ['install', '--frozen-lockfile', '--silent', ...(onlyServer ? ['--production'] : [])],
  { cwd: root, stdio: 'inherit' },
);
child.on('error', (error) => end(1, error.message));
child.on('exit', (code, signal) => end(code ?? 1, signal ? `ended by ${signal}` : undefined));

function end(code: number, problem?: string): void {
  clearInterval(timer);
  if (problem !== undefined) console.error(`bun install: ${problem}`);
  else if (code !== 0)
    console.error('bun install failed: see what it says above. Without a network nothing can be installed.');
  else if (isFresh) console.log(`Installed ${countPackages()} packages in ${seconds()} s.`);
  process.exitCode = code;
}

function countPackages(): number {
  if (!existsSync(modules)) return 0;
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'));
  const scopes = names.filter((name) => name.startsWith('@'));
  return (
    names.length - scopes.length + scopes.reduce((sum, scope) => sum + readdirSync(join(modules, scope)).length, 0)
  );
}
