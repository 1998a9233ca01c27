// Clients that generators make from the document of a running server: each compiles, creates a sighting, and knows the errors by their types.
// Needs Go and Python 3.11. Generators and what their clients import are pinned beside each program; nothing of it stays here.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { ApiDocument } from '../../src/http/openapi.ts';
import { generateClientTypes } from '../harness/document-checks.ts';
import { openSite, type RunningServer, type Site } from '../harness/server.ts';
import { root } from '../harness/target.ts';

/** The first time, compilers are compiled and packages fetched. */
const slow = { timeout: 600_000 };

let site: Site;
let server: RunningServer;
let folder: string;
let documentFile: string;

before(async () => {
  site = await openSite('embedded');
  server = await site.start({ runtime: 'binary' });
  folder = mkdtempSync(join(tmpdir(), 'catatlas-clients-'));
  documentFile = join(folder, 'openapi.json');
  const answer = await fetch(`${server.url}/swagger/json`);
  writeFileSync(documentFile, await answer.text());
});
after(async () => {
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program to its end and returns what it printed; fails with all that it said. */
async function run(
  cwd: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { cwd, env: { ...process.env, ...env } });
    return stdout;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string };
    throw new Error([message, stdout, stderr].join('\n'));
  }
}

/** A folder with the program of this client, where its client can be put. */
function workplace(name: string): string {
  const place = join(folder, name);
  cpSync(join(root, 'test/clients', name), place, { recursive: true });
  return place;
}

/** A client prints the number of its sighting, the code of a 404 and the field that a 422 names. */
async function assertWorked(printed: string): Promise<void> {
  const { id, ...errors } = JSON.parse(printed) as { id: number; code: string; field: string };
  assert.deepEqual(errors, { code: 'ENTRY_NOT_FOUND', field: 'radius' });
  const { text } = (await (await fetch(`${server.url}/entries/${id}`)).json()) as { text: string };
  assert.match(text, /^Seen by a client/);
}

async function compileTypeScript(place: string): Promise<void> {
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  const compilerOptions = { noEmit: true, types: ['bun-types'], exactOptionalPropertyTypes: false };
  writeFileSync(
    join(place, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }),
  );
  await run(place, 'node_modules/.bin/tsc', ['--project', '.']);
}

test('a client typed by openapi-typescript', slow, async () => {
  const place = workplace('openapi-typescript');
  const document = (await (await fetch(`${server.url}/swagger/json`)).json()) as ApiDocument;
  writeFileSync(join(place, 'api.ts'), await generateClientTypes(document));
  await compileTypeScript(place);
  await assertWorked(await run(place, 'bun', ['main.ts', server.url]));
});

test('a client made by orval', slow, async () => {
  const place = workplace('orval');
  const output = { target: './api.ts', client: 'fetch', baseUrl: server.url };
  const configuration = { api: { input: documentFile, output } };
  writeFileSync(join(place, 'orval.config.mjs'), `export default ${JSON.stringify(configuration)};`);
  await run(place, join(root, 'node_modules/.bin/orval'), ['--config', './orval.config.mjs']);
  await compileTypeScript(place);
  await assertWorked(await run(place, 'bun', ['main.ts']));
});

test('a client made by openapi-python-client', slow, async () => {
  const place = workplace('python');
  await run(place, 'python3', ['-m', 'venv', 'venv']);
  const programs = join(place, 'venv/bin');
  await run(place, join(programs, 'pip'), ['install', '--quiet', '--requirement', 'requirements.txt']);
  const generate = ['generate', '--path', documentFile, '--meta', 'none', '--output-path', 'client'];
  await run(place, join(programs, 'openapi-python-client'), [...generate, '--fail-on-warning'], {
    PATH: `${programs}:${process.env['PATH']}`,
  });
  await run(place, join(programs, 'mypy'), ['main.py']);
  await assertWorked(await run(place, join(programs, 'python'), ['main.py', server.url]));
});

test('a client made by oapi-codegen, in Go', slow, async () => {
  const place = workplace('go');
  mkdirSync(join(place, 'api'));
  const generator = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen';
  const output = ['-generate', 'types,client', '-package', 'api', '-o', 'api/api.gen.go'];
  await run(place, 'go', ['run', '-mod=readonly', generator, ...output, documentFile]);
  await run(place, 'go', ['vet', './...']);
  await run(place, 'go', ['build', '-mod=readonly', '-o', 'client', '.']);
  await assertWorked(await run(place, join(place, 'client'), [server.url]));
});
