import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeUnreserved, repairUrl, targetOf } from './request-url.ts';

/** A request as a runtime hands it over: its URL may be one that `new Request` refuses. */
function received(url: string, host: string | null): Request {
  const request = new Request('http://localhost/', { headers: host === null ? {} : { host } });
  Object.defineProperty(request, 'url', { value: url, configurable: true });
  return request;
}

test('path and query, whatever the host is', () => {
  const cases: [url: string, host: string | null, target: string][] = [
    ['/health', null, '/health'],
    ['/health?a=1#b', '', '/health?a=1'],
    ['/health?a=//b/c', 'a b', '/health?a=//b/c'],
    ['//evil:99999/health', null, '//evil:99999/health'],
    ['http://x:99999/health?a', 'x:99999', '/health?a'],
    ['http://1.2.3.4.5/', '1.2.3.4.5', '/'],
    ['http://[/health', '[', '/health'],
    ['http://x:99999', 'x:99999', '/'],
    // Deno: what the host brings along is no part of the path.
    ['http://a/b/health', 'a/b', '/health'],
    ['http://a?b/health?c', 'a?b', '/health?c'],
    ['http://http://x/health', 'http://x', '/health'],
    // A request line with a URL of its own.
    ['http://abs:99999/health', 'ok', '/health'],
    ['https://abs:99999?a', null, '/?a'],
    ['/a/../b\\c"d', null, '/b/c%22d'],
    ['', null, '/'],
    ['*', null, '/*'],
    ['\uD800', '\uD800', '/%EF%BF%BD'],
  ];
  for (const [url, host, target] of cases) assert.equal(targetOf(url, host), target, `${url} of ${host}`);
});

test('a URL is repaired where it is broken, and only there', () => {
  const cases: [url: string, host: string | null, repaired: string][] = [
    ['/health', null, 'http://localhost/health'],
    ['http://[/health?a=1', '[', 'http://localhost/health?a=1'],
    ['http://x:99999/health', 'x:99999', 'http://localhost/health'],
    ['http://a/b/health', 'a/b', 'http://localhost/health'],
    ...['api', 'localhost:8000', '[::1]:80', 'cats_1.example.com', '10.0.0.1:'].map(
      (host): [string, string, string] => [`http://${host}/a?b`, host, `http://${host}/a?b`],
    ),
  ];
  for (const [url, host, repaired] of cases) {
    const request = received(url, host);
    // Only one that is broken is touched: the property of this test could not be set again otherwise.
    repairUrl(request);
    assert.equal(request.url, repaired, `${url} of ${host}`);
    assert.ok(URL.canParse(request.url));
  }
});

test('what may stand in a path as it is, is decoded once, and nothing else is', () => {
  const cases: [path: string, decoded: string][] = [
    ['/cats', '/cats'],
    ['/c%61ts', '/cats'],
    ['/%41%5A%7a%30%39%2D%2e%5f%7E', '/AZz09-._~'],
    ['/c%61ts?q=%61&p=%2561', '/cats?q=%61&p=%2561'],
    ['/cats?q=%61', '/cats?q=%61'],
    ['/a%2Fb', '/a%2Fb'],
    ['/%2561', '/%2561'],
    ['/%25%36%31', '/%2561'],
    // The percent sign that is none would make a triplet of what follows it.
    ['/%%361', '/%%361'],
    ['/%c%61', '/%c%61'],
    ['/%', '/%'],
    ['/a/%2e%2E/b', '/b'],
    ['/%2e%2e/%2e/b', '/b'],
    ['/%00%20%7F%C3%A9', '/%00%20%7F%C3%A9'],
  ];
  for (const [path, decoded] of cases)
    assert.equal(decodeUnreserved(`http://cats.example${path}`), `http://cats.example${decoded}`, path);
});
