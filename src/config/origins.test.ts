import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAs } from './kinds.ts';
import { origins } from './origins.ts';

test('reads origins as browsers send them', () => {
  for (const [text, expected] of [
    ['http://localhost:5173', ['http://localhost:5173']],
    ['https://a.example,https://b.example', ['https://a.example', 'https://b.example']],
    [' https://a.example , https://b.example ,', ['https://a.example', 'https://b.example']],
    ['https://a.example,https://A.example', ['https://a.example']],
    ['HTTPS://CatAtlas.com', ['https://catatlas.com']],
    ['https://catatlas.com:443', ['https://catatlas.com']],
    ['http://catatlas.com:80', ['http://catatlas.com']],
    ['https://catatlas.com:8443', ['https://catatlas.com:8443']],
    ['http://[::1]:3000', ['http://[::1]:3000']],
    ['https://bücher.example', ['https://xn--bcher-kva.example']],
    ['capacitor://localhost', ['capacitor://localhost']],
    ['*', ['*']],
  ] as const)
    assert.deepEqual(readAs(origins, text), { value: [...expected] }, text);
});

test('refuses what no Origin header can equal, and says the corrected value', () => {
  for (const [text, pattern] of [
    ['https://catatlas.com/', /a slash at the end.*Write it as https:\/\/catatlas\.com$/],
    ['https://catatlas.com/app', /a path.*Write it as https:\/\/catatlas\.com$/],
    ['https://Catatlas.com:443/app', /Write it as https:\/\/catatlas\.com$/],
    ['https://catatlas.com?x=1', /a query.*Write it as https:\/\/catatlas\.com$/],
    ['https://catatlas.com#top', /a fragment.*Write it as https:\/\/catatlas\.com$/],
    ['catatlas.com', /no scheme.*https:\/\/catatlas\.com$/],
    ['catatlas.com/app', /no scheme.*https:\/\/catatlas\.com$/],
    ['localhost:5173', /no scheme.*http:\/\/localhost:5173$/],
    ['https://*.catatlas.com', /patterns are not supported/],
    ['https://', /is not an origin/],
    ['https://a.example https://b.example', /Write commas between them/],
    ['https://a.example:99999', /is not an origin/],
    ['https://a.example;https://b.example', /Write commas between them/],
    ['https://<host>', /is not an origin/],
    ['null', /sandboxed/],
    [',', /names no origin/],
    ['["https://a.example","https://b.example"]', /JSON list.*https:\/\/a\.example,https:\/\/b\.example$/],
    ['[oops', /JSON list.*https:\/\/catatlas\.com/],
  ] as const) {
    const reading = readAs(origins, text);
    assert.ok('wrong' in reading, `${text} was read as ${JSON.stringify(reading)}`);
    assert.match(reading.wrong.map(({ problem, fix }) => `${problem} ${fix}`).join(' '), pattern, text);
  }
});

test('reports every wrong origin of a list', () => {
  const reading = readAs(origins, 'https://a.example/,b.example,https://good.example');
  assert.ok('wrong' in reading);
  assert.equal(reading.wrong.length, 2);
});

test('does not repeat credentials', () => {
  for (const text of ['https://user:canary@a.example', 'https://canary@a.example/x', 'user:canary@a.example']) {
    const reading = readAs(origins, text);
    assert.ok('wrong' in reading, text);
    assert.doesNotMatch(JSON.stringify(reading), /canary/);
  }
});
