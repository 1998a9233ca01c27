import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrubMessage } from './scrub.ts';

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';

test('secrets do not leave, in whatever they are wrapped', () => {
  for (const [message, forbidden] of [
    ['connect to postgresql://cats:hunter2-long@db.example:5432/catatlas failed', 'hunter2-long'],
    ['https://example.com/callback?code=abcdef failed', 'abcdef'],
    [`token ${jwt} refused`, 'dozjgNry'],
    ['authorization: Bearer abc.def', 'abc.def'],
    ['password=swordfish is wrong', 'swordfish'],
    ['{not json} api_key: k-12345', 'k-12345'],
    ['sent JWT_SECRET=topsecretvalue', 'topsecretvalue'],
    ['AGE-SECRET-KEY-1QQQQQQQQ is no key', '1QQQQQQQQ'],
    ['no mail to anna@example.com', 'anna'],
    ['refused from 192.0.2.17', '192.0.2.17'],
    ['refused from 2001:db8::17', '2001:db8'],
    ['JSON Parse error: Unexpected identifier "Smokey"', 'Smokey'],
    ['Unexpected token \'S\', "Smokey is \\"here\\"" is not valid JSON', 'here'],
    ['first line\nsecond line with Smokey', 'Smokey'],
    ['{"type":"validation","found":{"text":"Smokey"}}', 'Smokey'],
    ['[{"input":"Smokey"}]', 'Smokey'],
    ['the key is s3cr3t-and-known!', 's3cr3t'],
  ] as const) {
    const scrubbed = scrubMessage(message, ['s3cr3t-and-known']);
    assert.ok(!scrubbed.includes(forbidden), `${message} -> ${scrubbed}`);
    assert.notEqual(scrubbed, '');
  }
});

test('what tells programmers something stays', () => {
  for (const message of [
    "undefined is not an object (evaluating 'row.id')",
    "Cannot read properties of undefined (reading 'id')",
    'the migration lock was no longer held at 23:59:59',
    'src/cats/queries.ts:12:34 is to blame',
  ])
    assert.equal(scrubMessage(message, []), message);
  assert.equal(scrubMessage('x'.repeat(1000), []).length, 300);
});
