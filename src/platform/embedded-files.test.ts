import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type EmbeddedFile, readEmbeddedFile } from './embedded-files.ts';

describe('readEmbeddedFile', () => {
  it('reads WebAssembly that compiles', async () => {
    assert.ok(WebAssembly.validate(await readEmbeddedFile('pglite.wasm')));
    assert.ok((await readEmbeddedFile('pglite.data')).length > 1_000_000);
  });

  it('reads the archive of an empty database and the script of the documentation page', async () => {
    const archive = gunzipSync(await readEmbeddedFile('pgdata.tar.gz'));
    assert.equal(archive.toString('latin1', 257, 262), 'ustar');
    assert.match(gunzipSync(await readEmbeddedFile('scalar.js.gz')).toString('utf8'), /createApiReference/);
  });

  it('says how to make what is missing', async () => {
    await assert.rejects(readEmbeddedFile('no-such-file' as EmbeddedFile), /bun scripts\/generate-assets\.ts/);
  });
});
