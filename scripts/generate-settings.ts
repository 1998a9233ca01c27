// Writes .env.example and docs/settings.md from the table of settings. With --check it writes nothing and fails when a file
// is out of date.
import { readFile, writeFile } from 'node:fs/promises';
import { renderEnvExample, renderSettingsMarkdown } from '../src/config/document.ts';

const files = [
  { name: '.env.example', text: renderEnvExample() },
  { name: 'docs/settings.md', text: renderSettingsMarkdown() },
];

for (const { name, text } of files) {
  const file = new URL(`../${name}`, import.meta.url);
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`${name} is out of date: run bun scripts/generate-settings.ts`);
    process.exitCode = 1;
  }
}
