// Writes src/migrator/migrations.gen.ts: neither Bun's bundler nor Deno can import a whole folder, and what the build finds out
// about the files (statements, locks) takes PostgreSQL's parser, which the program does not carry. Fails with every finding.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseFileName, parseHeader } from '../src/migrator/header.ts';
import { analyzeMigration } from './migrations/analyze.ts';
import { emptySchema } from './migrations/schema.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${root}src/migrator/migrations.gen.ts`;

const schema = emptySchema();
const problems: string[] = [];
const imports: string[] = [];
const entries: string[] = [];

const files = readdirSync(`${root}migrations`).filter((file) => file.endsWith('.sql'));
for (const [index, file] of files.sort().entries()) {
  // A checkout may have turned the line endings; offsets and places are those of line feeds.
  const sql = readFileSync(`${root}migrations/${file}`, 'utf8').replaceAll('\r\n', '\n');
  const named = attempt(() => parseFileName(file));
  const header = attempt(() => parseHeader(file, sql));
  if (!named || !header) continue;
  if (named.version !== index + 1)
    problems.push(`migrations/${file}: expected number ${index + 1}, numbers may not repeat or be left out`);
  const facts = await analyzeMigration({ version: named.version, sql, header }, schema);
  for (const { rule, line, column, message, allowed } of facts.findings)
    if (allowed === undefined) problems.push(`migrations/${file}:${line}:${column} ${rule}: ${message}`);

  const { statements, downStatements, ...others } = facts;
  const variable = `migration${file.slice(0, 4)}`;
  imports.push(`import ${variable} from '../../migrations/${file}' with { type: 'text' };`);
  entries.push(
    `  {`,
    `    file: '${file}',`,
    `    sql: ${variable},`,
    `    facts: {`,
    ...listed('statements', statements),
    ...listed('downStatements', downStatements),
    ...Object.entries(others).map(([key, value]) => `      ${key}: ${JSON.stringify(value)},`),
    `    },`,
    `  },`,
  );
}

const source = [
  '// Made by scripts/generate-migrations.ts from migrations/. Do not edit.',
  ...imports,
  "import type { MigrationFile } from './migration-catalog.ts';",
  '',
  'export const migrationFiles: MigrationFile[] = [',
  ...entries,
  '];',
  '',
].join('\n');

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== source) {
    console.error('src/migrator/migrations.gen.ts is out of date: run `bun run generate`');
    process.exitCode = 1;
  }
} else writeFileSync(target, source);

/** What `read` returns, or undefined when it throws: then its message is one of the problems. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push((error as Error).message);
    return undefined;
  }
}

function listed(key: string, values: readonly unknown[]): string[] {
  if (values.length === 0) return [`      ${key}: [],`];
  return [`      ${key}: [`, ...values.map((value) => `        ${JSON.stringify(value)},`), '      ],'];
}
