import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { renderEnvExample, renderSettingsMarkdown } from './document.ts';
import { loadSettings, SettingsError, secretNames, settingNames } from './settings.ts';

const fileText = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

test('the generated files are up to date', async () => {
  const remedy = 'run: bun scripts/generate-settings.ts';
  assert.equal(await fileText('.env.example'), renderEnvExample(), remedy);
  assert.equal(await fileText('docs/settings.md'), renderSettingsMarkdown(), remedy);
});

/** The variables of an env file whose `# NAME=value` lines have been uncommented. */
function uncommented(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^# ([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

test('.env.example has every setting once, and changes nothing as it is', () => {
  const text = renderEnvExample();
  assert.deepEqual(Object.keys(uncommented(text)), settingNames);
  assert.doesNotMatch(text, /^[^#\n]/m);
  assert.ok(text.split('\n').every((each) => each.length < 120));
});

test('.env.example, uncommented and copied without thought, is refused', () => {
  const env = uncommented(renderEnvExample());
  assert.throws(
    () => loadSettings({ env }),
    (error) =>
      error instanceof SettingsError && error.problems.map(({ name }) => name).join() === 'BACKUP_IDENTITY,JWT_SECRET',
  );
});

test('docs/settings.md has every setting, and the files of the secrets', () => {
  const text = renderSettingsMarkdown();
  for (const name of settingNames) assert.ok(text.includes(`\n| \`${name}\` |`), name);
  for (const name of secretNames) assert.ok(text.includes(`${name}_FILE`), name);
});
