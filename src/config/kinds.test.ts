import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import {
  directory,
  type Kind,
  line,
  listenAddress,
  oneOf,
  readAs,
  regionCode,
  sentryDsn,
  share,
  trueOrFalse,
  wholeNumber,
} from './kinds.ts';

function accepts<T>(kind: Kind<T>, cases: readonly (readonly [string, T])[]): void {
  for (const [text, value] of cases) assert.deepEqual(readAs(kind, text), { value }, JSON.stringify(text));
}

/** Every text is wrong; the problem and the remedy together match the pattern. */
function refuses(kind: Kind<unknown>, cases: readonly (readonly [string, RegExp])[]): void {
  for (const [text, pattern] of cases) {
    const reading = readAs(kind, text);
    assert.ok('wrong' in reading, `${JSON.stringify(text)} was read as ${JSON.stringify(reading)}`);
    assert.match(reading.wrong.map(({ problem, fix }) => `${problem} ${fix}`).join(' '), pattern);
  }
}

test('true and false in eight spellings and any case', () => {
  accepts(trueOrFalse, [
    ...['true', 'True', 'TRUE', '1', 'yes', 'Yes', 'on', 'ON', ' true '].map((text) => [text, true] as const),
    ...['false', 'False', 'FALSE', '0', 'no', 'No', 'off', 'OFF', 'false\r'].map((text) => [text, false] as const),
  ]);
  const texts = [
    '2',
    't',
    'f',
    'y',
    'n',
    'enabled',
    'null',
    'undefined',
    '-1',
    '00',
    '"False"',
    'express:*',
    'False  # in production',
  ];
  refuses(
    trueOrFalse,
    texts.map((text) => [text, /neither true nor false.*true or false/] as const),
  );
});

test('whole numbers within their limits', () => {
  const port = wholeNumber(0, 65_535);
  accepts(port, [
    ['0', 0],
    ['8000', 8000],
    [' 8000\r\n', 8000],
    ['65535', 65_535],
  ]);
  const texts = [
    '65536',
    '-1',
    '+1',
    '08',
    '1e3',
    '0x1f',
    '8_000',
    '8000.0',
    '8,000',
    'NaN',
    'Infinity',
    '80 00',
    '٣',
    '9'.repeat(400),
  ];
  refuses(
    port,
    texts.map((text) => [text, /is not a whole number from 0 to 65535/] as const),
  );
});

test('a long wrong value is shown in part', () => {
  const reading = readAs(wholeNumber(0, 9), 'x'.repeat(5000));
  assert.ok('wrong' in reading && (reading.wrong[0]?.problem.length ?? 0) < 130);
});

test('one of a few words', () => {
  const level = oneOf(['DEBUG', 'INFO', 'WARNING'], { warn: 'WARNING' });
  accepts(level, [
    ['INFO', 'INFO'],
    ['info', 'INFO'],
    ['Warn', 'WARNING'],
  ]);
  refuses(level, [
    ['INF', /Did you mean INFO\? It must be one of DEBUG, INFO, WARNING/],
    ['everything', /Set it to one of DEBUG, INFO, WARNING/],
    ['toString', /is not one of/],
    ['__proto__', /is not one of/],
  ]);
});

test('a line of text', () => {
  accepts(line(20), [
    ['CatAtlas API', 'CatAtlas API'],
    [' Straßenkatzen 🐈 ', 'Straßenkatzen 🐈'],
  ]);
  refuses(line(20), [
    ['   ', /white space/],
    ['x'.repeat(21), /21 characters/],
    ['two\nlines', /line breaks/],
    ['\u001b[31mred', /control characters/],
    ['"CatAtlas API"', /Remove the quotes/],
  ]);
});

test('an address to listen on', () => {
  const addresses = [
    '127.0.0.1',
    '0.0.0.0',
    '::',
    '::1',
    'fdaa::3',
    'localhost',
    'my-laptop',
    'api.example.com',
    'fly-local-6pn',
  ];
  accepts(
    listenAddress,
    addresses.map((text) => [text, text] as const),
  );
  refuses(listenAddress, [
    ['*', /:: or 0\.0\.0\.0/],
    ['[::]', /without them: ::/],
    ['http://localhost', /port is PORT/],
    ['localhost:8000', /port is PORT/],
    ['127.0.0.1:8000', /port is PORT/],
    ['256.0.0.1', /not an address/],
    ['1.2.3', /not an address/],
    ['a b', /not an address/],
    ['-x', /not an address/],
    ['x86_64-conda-linux-gnu', /not an address/],
    ['   ', /not an address/],
  ]);
});

test('a directory', () => {
  accepts(directory, [
    ['/var/lib/catatlas', '/var/lib/catatlas'],
    ['/srv/my cats', '/srv/my cats'],
    ['data', resolve('data')],
  ]);
  refuses(directory, [
    ['~/cats', /home directory spelled out/],
    ['$HOME/cats', /home directory spelled out/],
    ['%LOCALAPPDATA%\\cats', /spelled out/],
    ['  ', /white space/],
  ]);
});

test('the code of a region, and nothing that could be more of a header', () => {
  accepts(regionCode, [
    ['iad', 'iad'],
    [' fra\r', 'fra'],
  ]);
  refuses(regionCode, [
    ['IAD', /small letters/],
    ['iad;app=other', /small letters/],
    ['iad\r\nx: y', /small letters/],
    ['i', /small letters/],
  ]);
});

test('a Sentry DSN, without repeating its key', () => {
  const good = 'https://0123456789abcdef@o1.ingest.sentry.io/4507';
  accepts(sentryDsn, [
    [good, good],
    ['http://key@localhost:9000/prefix/1', 'http://key@localhost:9000/prefix/1'],
  ]);
  refuses(sentryDsn, [
    ['https://your-sentry-dsn@sentry.io/project', /number of a project/],
    ['https://o1.ingest.sentry.io/4507', /no key/],
    ['canary', /not an http/],
    ['ftp://canary@host/1', /not an http/],
  ]);
});

test('a share', () => {
  accepts(share, [
    ['0', 0],
    ['0.1', 0.1],
    ['.25', 0.25],
    [' 1 ', 1],
    ['1.0', 1],
  ]);
  refuses(share, [
    ['1.1', /not a number from 0 to 1/],
    ['-0.1', /not a number/],
    ['10%', /not a number/],
    ['1e-1', /not a number/],
    ['', /not a number/],
  ]);
});
