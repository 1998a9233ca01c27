import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  errorAnchor,
  errorCatalog,
  errorType,
  escapeHtml,
  findErrorEntry,
  isErrorCode,
  isRetryable,
  renderErrorsMarkdown,
  renderErrorsPage,
} from './error-catalog.ts';

const codes = Object.keys(errorCatalog).filter(isErrorCode);

test('the catalogue is ordered by status and complete', () => {
  const statuses = codes.map((code) => errorCatalog[code].status);
  assert.deepEqual(
    statuses,
    statuses.toSorted((a, b) => a - b),
  );
  for (const code of codes)
    for (const [field, value] of Object.entries(errorCatalog[code]))
      assert.ok(field === 'status' || String(value).length > 5, `${code}.${field}`);
});

test('docs/errors.md is what the catalogue says', async () => {
  const file = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  assert.equal(file, renderErrorsMarkdown(), 'run bun scripts/generate-errors-doc.ts');
});

test('each problem type resolves to an anchor of the page and of the file', () => {
  const page = renderErrorsPage('');
  const markdown = renderErrorsMarkdown();
  for (const code of codes) {
    const [path, anchor] = errorType(code).split('#');
    assert.equal(path, '/docs/errors');
    assert.equal(page.split(`id="${anchor}"`).length, 2, code);
    assert.ok(markdown.includes(`\n## ${code}\n`) && markdown.includes(`(#${errorAnchor(code)})`), code);
  }
});

test('tells codes from other texts', () => {
  assert.equal(isErrorCode('CAT_NOT_FOUND'), true);
  assert.equal(isErrorCode('toString'), false);
  assert.equal(findErrorEntry('CAT_NOT_FOUND')?.status, 404);
  assert.equal(findErrorEntry('__proto__'), undefined);
});

test('only passing faults are worth another try', () => {
  assert.deepEqual(
    codes.filter((code) => isRetryable(code)),
    ['INTERNAL_ERROR', 'DATABASE_READ_ONLY', 'DATABASE_UNAVAILABLE', 'REQUEST_TIMEOUT', 'SERVER_BUSY', 'NOT_READY'],
  );
});

test('escapes what HTML would read as its own', () => {
  assert.equal(escapeHtml(`<a href="x" title='y'>&`), '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;');
});
