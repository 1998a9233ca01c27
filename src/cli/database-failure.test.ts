import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '../commands/help.ts';
import { MigrationError, type MigrationFailureKind } from '../migrator/migration-error.ts';
import { CommandFailure } from './command.ts';
import { asCommandFailure } from './database-failure.ts';
import { ExitCode } from './exit-codes.ts';

test('a lock that was not obtained in time has an exit code of its own, and advice', () => {
  const error = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' });
  const failure = asCommandFailure(error);
  assert.ok(failure instanceof CommandFailure);
  assert.equal(failure.exitCode, ExitCode.lockTimeout);
  assert.match(failure.message, /due to lock timeout: .* try again/);
});

test('what nobody expects stays what it is', () => {
  const error = Object.assign(new Error('division by zero'), { code: '22012' });
  assert.equal(asCommandFailure(error), error);
});

test('the help of whatever migrates names every exit code of that', async () => {
  const kinds: Record<MigrationFailureKind, true> = {
    failed: true,
    refused: true,
    pending: true,
    changed: true,
    newer: true,
    lock_timeout: true,
    interrupted: true,
  };
  for (const name of ['serve', 'migrate', 'import', 'seed']) {
    const command = await commands.find((each) => each.name === name)?.load();
    for (const kind of Object.keys(kinds) as MigrationFailureKind[]) {
      const failure = asCommandFailure(new MigrationError(kind, ''));
      assert.ok(failure instanceof CommandFailure);
      assert.ok(command?.exitCodes.includes(failure.exitCode), `${name}: ${failure.exitCode}`);
    }
  }
});
