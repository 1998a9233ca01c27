import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { answerUnmatched, RouteTable } from './methods.ts';

const table = new RouteTable([
  { method: 'GET', path: '/entries' },
  { method: 'POST', path: '/entries' },
  { method: 'GET', path: '/entries/by-area' },
  { method: 'PATCH', path: '/entries/:entry_id' },
  { method: 'GET', path: '/a.b/:id' },
]);

const request = (method: string, path: string) => new Request(`http://localhost${path}`, { method });

function errorOf(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError);
    return error;
  }
  throw new Error('nothing was thrown');
}

test('a path has the methods of its routes, and HEAD with GET', () => {
  assert.deepEqual(table.methodsOf('/entries'), ['GET', 'HEAD', 'OPTIONS', 'POST']);
  assert.deepEqual(table.methodsOf('/entries/7'), ['OPTIONS', 'PATCH']);
  assert.equal(table.methodsOf('/entries/7/8'), undefined);
  assert.equal(table.methodsOf('/axb/1'), undefined, 'a dot is a dot');
});

test('a fixed path is not also what its pattern would make of it', () => {
  assert.deepEqual(table.methodsOf('/entries/by-area'), ['GET', 'HEAD', 'OPTIONS']);
  const error = errorOf(() => table.requireMethod('PATCH', '/entries/by-area'));
  assert.deepEqual([error.status, error.headers['allow']], [405, 'GET, HEAD, OPTIONS']);
  table.requireMethod('PATCH', '/entries/7');
  table.requireMethod('HEAD', '/entries/by-area');
});

test('404 for an unknown path, 405 with Allow for a known one, the methods for OPTIONS', () => {
  assert.equal(errorOf(() => answerUnmatched(table, request('GET', '/nothing'))).status, 404);
  const error = errorOf(() => answerUnmatched(table, request('DELETE', '/entries')));
  assert.deepEqual([error.status, error.headers['allow']], [405, 'GET, HEAD, OPTIONS, POST']);
  const options = answerUnmatched(table, request('OPTIONS', '/entries'));
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'GET, HEAD, OPTIONS, POST']);
});

test('a trailing slash leads to the path without it, never to another host', () => {
  const cases: [path: string, location: string, leadsTo: string][] = [
    ['/entries/?a=1&b=2', '../entries?a=1&b=2', '/entries?a=1&b=2'],
    ['/entries/7/', '../7', '/entries/7'],
    ['/entries///', '../../../entries', '/entries'],
    ['/a.b/c:d//', '../../c:d', '/a.b/c:d'],
  ];
  for (const [path, location, leadsTo] of cases) {
    const answer = answerUnmatched(table, request('GET', path));
    assert.deepEqual([answer.status, answer.headers.get('location')], [307, location]);
    assert.equal(new URL(location, `http://localhost${path}`).href, `http://localhost${leadsTo}`);
    assert.equal(new URL(location, `http://localhost/prefix${path}`).href, `http://localhost/prefix${leadsTo}`);
  }
  assert.equal(errorOf(() => answerUnmatched(table, request('GET', '//evil.example/entries/'))).status, 404);
  assert.equal(errorOf(() => answerUnmatched(table, request('GET', '//entries/'))).status, 404);
});
