// What people copy works: the commands in the README and in the document are typed into a shell, and every operation of the document is
// asked as its examples say. Its answer has to be the one that the document promises.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ApiDocument } from '../../src/http/openapi.ts';
import { operationsOf } from '../harness/document-checks.ts';
import { openSite, type RunningServer, type Site } from '../harness/server.ts';
import { root } from '../harness/target.ts';

let site: Site;
let server: RunningServer;
let document: ApiDocument;

before(async () => {
  site = await openSite();
  // So that there is what the examples name, and near where they look: sightings 7 and 8, cats 3 and 7, comment 7 on cat 7.
  await site.seed(async (sql) => {
    await sql`insert into entries (text, created_at, location_lat, location_lon)
      select 'Orange tabby, seen ' || number, now(), 52.52, 13.405 from generate_series(1, 8) as number`;
    await sql`insert into cats (name, created_at) select 'Cat ' || number, now() from generate_series(1, 8) as number`;
    await sql`insert into cat_comments (cat_id, author_name, content, created_at, updated_at)
      select 7, 'Mia', 'Seen.', now(), now() from generate_series(1, 8)`;
  });
  server = await site.start();
  document = (await (await fetch(`${server.url}/swagger/json`)).json()) as ApiDocument;
});
after(async () => {
  await site?.close();
});

/** Types a block of commands into a shell; fails when one of them fails, or curl gets an error. Returns what they printed. */
function typeIn(commands: string): string {
  const strict = `curl() { command curl --silent --show-error --fail-with-body "$@"; }\nset -e\n${commands}`;
  return execFileSync('sh', ['-c', strict], { encoding: 'utf8', timeout: 20_000 });
}

/** The blocks of code in a text that call curl. */
const curlBlocks = (text: string) =>
  [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => (/^curl /m.test(block) ? [block] : []));

test('the command in the document works as it is, wherever the document was read', async () => {
  const blocks = curlBlocks(document.info.description ?? '');
  assert.equal(blocks.length, 1);
  for (const block of blocks) {
    assert.ok(block.includes(`${server.url}/`), block);
    const { id } = JSON.parse(typeIn(block)) as { id: number };
    assert.equal((await fetch(`${server.url}/entries/${id}`)).status, 200);
  }
});

test('the commands of the README work', () => {
  const usual = 'http://127.0.0.1:8000';
  const blocks = curlBlocks(readFileSync(join(root, 'README.md'), 'utf8'));
  assert.ok(blocks.length > 0);
  for (const block of blocks) {
    assert.ok(block.includes(`${usual}/`), `not a command for the server of \`start\`: ${block}`);
    assert.match(typeIn(block.replaceAll(usual, server.url)), /"nickname":"Smokey"/);
  }
});

/** The example of a schema as a form. */
function formOf(reference: string): FormData {
  const schema = document.components?.schemas?.[reference.split('/').at(-1) ?? ''] as
    | { examples?: object[] }
    | undefined;
  const form = new FormData();
  for (const [name, value] of Object.entries(schema?.examples?.[0] ?? {})) form.append(name, String(value));
  return form;
}

test('every operation answers its own example as the document says', async () => {
  const analyzed = await fetch(`${server.url}/entries/7/analyze`, { method: 'POST' });
  assert.equal(analyzed.status, 200);

  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema({ $id: 'document', components: document.components });
  const wrong: string[] = [];
  // What deletes comes last, and of that what deletes most.
  const weight = (name: string) => (name.startsWith('DELETE') ? 1 / name.length : 0);
  const operations = operationsOf(document).sort((one, other) => weight(one.name) - weight(other.name));
  for (const { name, operation } of operations) {
    const [method = '', pattern = ''] = name.split(' ');
    const query = new URLSearchParams();
    let path = pattern;
    for (const parameter of operation.parameters ?? []) {
      assert.ok('name' in parameter);
      const example = String(parameter.example);
      if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, example);
      if (parameter.in === 'query') query.set(parameter.name, example);
    }
    const media = operation.requestBody && 'content' in operation.requestBody ? operation.requestBody.content : {};
    const json = media['application/json'] as { example?: unknown } | undefined;
    const form = media['multipart/form-data'] as { schema: { $ref: string } } | undefined;
    const answer = await fetch(`${server.url}${path}?${query}`, {
      method,
      ...(json && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(json.example) }),
      ...(form && { body: formOf(form.schema.$ref) }),
    });
    const text = await answer.text();
    const promised = operation.responses?.[String(answer.status)] as Promised | undefined;
    const notYet = answer.status === 501 && promised !== undefined;
    if (!answer.ok && !notYet) wrong.push(`${name}: ${answer.status} ${text}`);
    const schema = (promised && resolved(promised))?.content?.['application/json']?.schema;
    if (schema === undefined) {
      if (text !== '') wrong.push(`${name}: ${answer.status} has a body that the document knows nothing of: ${text}`);
      continue;
    }
    const inDocument = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object;
    if (!ajv.validate(inDocument, JSON.parse(text))) wrong.push(`${name}: ${ajv.errorsText()}: ${text}`);
  }
  assert.deepEqual(wrong, []);
});

interface Promised {
  $ref?: string;
  content?: Record<string, { schema?: object }>;
}

/** An answer of the document itself, where an operation only names it. */
function resolved(answer: Promised): Promised | undefined {
  const name = answer.$ref?.split('/').at(-1);
  return name === undefined ? answer : (document.components?.responses?.[name] as Promised | undefined);
}
