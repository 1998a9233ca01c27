// What the executable is made of, by a build of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import manifest from '../../package.json' with { type: 'json' };

interface Bill {
  bomFormat: string;
  specVersion: string;
  serialNumber: string;
  metadata: { timestamp: string; component: { name: string; version: string } };
  components: {
    name: string;
    group?: string;
    version: string;
    purl: string;
    cpe?: string;
    properties?: { name: string; value: string }[];
  }[];
}

describe('a release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catatlas-bill-'));
  let text = '';
  let bill: Bill;
  before(() => {
    text = build('first');
    bill = JSON.parse(text) as Bill;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function build(name: string): string {
    const [outfile, file] = [join(folder, name), join(folder, `${name}.json`)];
    execFileSync('bun', ['scripts/build.ts', '--outfile', outfile, '--bill', file], {
      env: { ...process.env, BUILD_COMMIT: 'c'.repeat(40), SOURCE_DATE_EPOCH: '1764028800' },
    });
    return readFileSync(file, 'utf8');
  }
  const versions = (name: string) =>
    bill.components
      .filter((one) => [one.group, one.name].filter(Boolean).join('/') === name)
      .map(({ version }) => version);

  test('names every dependency in the version that is installed, the runtime, and what they bring', () => {
    assert.deepEqual([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.6']);
    assert.deepEqual([bill.metadata.component.name, bill.metadata.component.version], ['catatlas', manifest.version]);
    for (const [name, version] of Object.entries(manifest.dependencies))
      assert.ok(versions(name).includes(version), `${name} ${version}: ${versions(name)}`);
    assert.deepEqual(versions('bun'), [manifest.engines.bun]);
    // Bundled through Elysia, and through the page of the documentation: two versions of one package.
    assert.equal(versions('@sinclair/typebox').length, 1);
    assert.equal(versions('zod').length, 2);
  });

  test('names the parts of the runtime and the embedded PostgreSQL, with versions and by what scanners know them', async () => {
    const outside = bill.components.filter(({ purl }) => purl.startsWith('pkg:generic/'));
    const parts = new Map(outside.map((one) => [one.name, one]));
    for (const name of ['webkit', 'boringssl', 'sqlite', 'zlib', 'zstd', 'icu', 'libdeflate'])
      assert.equal(parts.get(name)?.version, process.versions[name], name);
    const database = await PGlite.create();
    const { rows } = await database.query<{ version: string }>(`select current_setting('server_version') as version`);
    await database.close();
    const postgres = parts.get('postgresql');
    assert.equal(postgres?.version, rows[0]?.version);
    assert.equal(postgres?.cpe, `cpe:2.3:a:postgresql:postgresql:${rows[0]?.version}:*:*:*:*:*:*:*`);
    assert.match(parts.get('sqlite')?.cpe ?? '', /^cpe:2\.3:a:sqlite:sqlite:3\.\d+\.\d+:/);
    for (const { purl, name, version } of outside) assert.equal(purl, `pkg:generic/${name}@${version}`);
  });

  test('prints the license of each part, and the image has them too', () => {
    const printed = execFileSync(join(folder, 'first'), ['licenses'], { encoding: 'utf8' });
    for (const { name, group, version, purl } of bill.components) {
      if (!purl.startsWith('pkg:npm/') || name === 'bun') continue;
      const title = `${[group, name].filter(Boolean).join('/')} ${version}`;
      assert.ok(printed.includes(`\n${title} (`), title);
    }
    for (const text of ['JavaScriptCore', 'GNU LIBRARY GENERAL PUBLIC LICENSE', 'PostgreSQL Global Development Group'])
      assert.ok(printed.includes(text), text);
    assert.equal(printed, readFileSync('.generated/licenses.txt', 'utf8'));
    assert.match(
      readFileSync('Dockerfile', 'utf8'),
      /^COPY --from=build \/build\/\.generated\/licenses\.txt \/app\/NOTICE$/m,
    );
  });

  test('names nothing that is only installed to work on it', () => {
    for (const name of Object.keys(manifest.devDependencies)) assert.deepEqual(versions(name), [], name);
  });

  test('says by what scanners look things up, and what is patched', () => {
    for (const { purl, version } of bill.components.filter((one) => !one.purl.startsWith('pkg:generic/')))
      assert.match(purl, /^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/, version);
    const patched = bill.components.filter(({ properties = [] }) =>
      properties.some(({ name }) => name === 'catatlas:patch'),
    );
    assert.deepEqual(
      patched.map(({ name, version }) => `${name}@${version}`),
      Object.keys(manifest.patchedDependencies),
    );
  });

  test('is the same for the same commit, byte by byte, and has an identity', () => {
    const sum = (content: string) => createHash('sha256').update(content).digest('hex');
    assert.equal(sum(build('second')), sum(text));
    // actions/attest takes no document for CycloneDX that has none.
    assert.match(bill.serialNumber, /^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
    assert.equal(bill.metadata.timestamp, '2025-11-25T00:00:00.000Z');
  });
});
