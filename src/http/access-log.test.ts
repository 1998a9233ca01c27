import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../observability/log.ts';
import { answerFailure } from './access-log.ts';

test('a failure of the server is answered as an error like any other, and written down once', async () => {
  const lines: string[] = [];
  const log = createLog({
    level: 'INFO',
    format: 'json',
    color: false,
    write: (line) => lines.push(line),
    now: () => '1970-01-01T00:00:00Z',
  });
  const request = new Request('http://localhost/health?a', { headers: { 'x-request-id': 'one' } });
  const answer = answerFailure(log, request, new Error('secret'));
  assert.equal(answer.status, 500);
  assert.equal(answer.headers.get('x-request-id'), 'one');
  const body = await answer.json();
  assert.deepEqual([body.code, body.request_id, body.message], ['INTERNAL_ERROR', 'one', 'Internal Server Error']);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /"level":"ERROR".*"request_id":"one".*secret/);
});

test('an answer is there when it was the log that failed', () => {
  const log = createLog({
    level: 'INFO',
    format: 'json',
    color: false,
    write() {
      throw new Error('no space left on device');
    },
    now: () => '1970-01-01T00:00:00Z',
  });
  assert.equal(answerFailure(log, new Request('http://localhost/'), new Error('any')).status, 500);
});
