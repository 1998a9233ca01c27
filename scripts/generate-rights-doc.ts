// Writes docs/rights.md from the list of rights. With --check it writes nothing and fails when the file is out of date.
import { readFile, writeFile } from 'node:fs/promises';
import { renderRightsMarkdown } from '../src/database/rights.ts';

const file = new URL('../docs/rights.md', import.meta.url);
const text = renderRightsMarkdown();

if (process.argv.includes('--check')) {
  const current = await readFile(file, 'utf8').catch(() => '');
  if (current !== text) {
    console.error('docs/rights.md is out of date: run bun scripts/generate-rights-doc.ts');
    process.exitCode = 1;
  }
} else {
  await writeFile(file, text);
}
