// Writes docs/errors.md from the error catalogue. With --check it writes nothing and fails when the file is out of date.
import { readFile, writeFile } from 'node:fs/promises';
import { renderErrorsMarkdown } from '../src/http/error-catalog.ts';

const file = new URL('../docs/errors.md', import.meta.url);
const text = renderErrorsMarkdown();

if (process.argv.includes('--check')) {
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current !== text) {
    console.error('docs/errors.md is out of date: run bun scripts/generate-errors-doc.ts');
    process.exitCode = 1;
  }
} else {
  await writeFile(file, text);
}
