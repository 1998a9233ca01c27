import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainRefusedParameter, refusedParameterOf } from './refused-parameter.ts';

function failure(code: string, message: string, severity = 'FATAL'): Error {
  return Object.assign(new Error(message), { code, severity });
}

test('names the parameter for which a connection was refused, and never its value', () => {
  for (const [error, name] of [
    [failure('42704', 'unrecognized configuration parameter "cats"'), 'cats'],
    [failure('42704', 'nicht erkannter Konfigurationsparameter »cats«'), 'cats'],
    [failure('42704', 'paramètre de configuration « cats » non reconnu'), 'cats'],
    [failure('22023', 'invalid value for parameter "work_mem": "canary"'), 'work_mem'],
    [failure('55P02', 'parameter "port" cannot be changed without restarting the server'), 'port'],
    [failure('42501', 'permission denied to set parameter "log_statement"'), 'log_statement'],
    [failure('42601', 'invalid command-line argument for server process: canary'), 'options'],
    [failure('08P01', 'unsupported startup parameter: search_path'), 'search_path'],
    [failure('42704', '?'), ''],
  ] as const)
    assert.equal(refusedParameterOf(error), name);
  assert.match(explainRefusedParameter('').problem, /refuses a parameter/);
});

test('other errors, and those of statements, are none of it', () => {
  for (const error of [
    failure('42704', 'type "cats" does not exist', 'ERROR'),
    failure('42501', 'permission denied for database "cats"'),
    failure('08P01', 'invalid message format'),
    failure('28P01', 'password authentication failed for user "cats"'),
    new Error('x'),
    undefined,
  ])
    assert.equal(refusedParameterOf(error), undefined, String(error));
});
