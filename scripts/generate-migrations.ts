// Writes src/migrator/migrations.gen.ts: neither Bun's bundler nor Deno can import a whole folder.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${root}src/migrator/migrations.gen.ts`;
const files = readdirSync(`${root}migrations`)
  .filter((file) => file.endsWith('.sql'))
  .sort();
const variable = (file: string) => `migration${file.slice(0, 4)}`;

const source = [
  '// Made by scripts/generate-migrations.ts from migrations/. Do not edit.',
  ...files.map((file) => `import ${variable(file)} from '../../migrations/${file}' with { type: 'text' };`),
  '',
  'export const migrationFiles = [',
  ...files.map((file) => `  { file: '${file}', sql: ${variable(file)} },`),
  '];',
  '',
].join('\n');

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== source) {
    console.error('src/migrator/migrations.gen.ts is out of date: run `bun run generate`');
    process.exitCode = 1;
  }
} else writeFileSync(target, source);
