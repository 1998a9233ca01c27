// The reports of a run: by the real k6 and, with hostile names, by their writers alone. A browser reads the HTML and the XML.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { writeHtml } from '../../loadtest/lib/summary/html.ts';
import { writeJunit } from '../../loadtest/lib/summary/junit.ts';
import { writeMarkdown } from '../../loadtest/lib/summary/markdown.ts';
import { type FailedCheck, noteOfFailure } from '../../loadtest/lib/summary/notes.ts';
import { makeReport, type Report } from '../../loadtest/lib/summary/report.ts';
import { writeText } from '../../loadtest/lib/summary/text.ts';
import { openBrowser } from '../harness/browser.ts';
import { answer500, type FakeServer, fakeCommit, fakeOrigin, startFakeServer } from './fake-server.ts';
import { requireK6, runK6 } from './k6.ts';

let browser: Browser;
let folder: string;

before(async () => {
  requireK6();
  folder = mkdtempSync(join(tmpdir(), 'catatlas-k6-'));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a real XML parser makes of a JUnit file; fails when it is not well-formed. */
async function readJunit(xml: string) {
  const page = await browser.newPage();
  try {
    const { error, cases, attributes, properties } = await page.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, 'application/xml');
      const suite = parsed.querySelector('testsuite');
      return {
        error: parsed.querySelector('parsererror')?.textContent ?? null,
        attributes: Object.fromEntries([...(suite?.attributes ?? [])].map(({ name, value }) => [name, value])),
        cases: [...parsed.querySelectorAll('testcase')].map((one) => ({
          name: one.getAttribute('name'),
          failure: one.querySelector('failure')?.getAttribute('message') ?? null,
          skipped: one.querySelector('skipped')?.getAttribute('message') ?? null,
        })),
        properties: Object.fromEntries(
          [...parsed.querySelectorAll('property')].map((one) => [one.getAttribute('name'), one.getAttribute('value')]),
        ),
      };
    }, xml);
    assert.equal(error, null);
    return { cases, attributes, properties };
  } finally {
    await page.close();
  }
}

/** Opens a page; fails when it asks for anything, or complains. Returns its heading and the texts of its cells. */
async function readHtml(url: string) {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) faults.push(`request: ${request.url()}`);
  });
  page.on('console', (message) => faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  try {
    await page.goto(url);
    const read = await page.evaluate(() => ({
      heading: document.querySelector('h1')?.textContent ?? '',
      cells: [...document.querySelectorAll('td')].map((cell) => cell.textContent ?? ''),
      scripts: document.scripts.length,
    }));
    assert.deepEqual(faults, []);
    return read;
  } finally {
    await page.close();
  }
}

describe('reports of a run', () => {
  const servers: FakeServer[] = [];
  after(async () => {
    for (const server of servers) await server.close();
  });

  for (const good of [true, false])
    it(`tell of a run that ${good ? 'passed' : 'failed'}`, async () => {
      const server = await startFakeServer(good ? undefined : answer500('GET /version'));
      servers.push(server);
      const directory = mkdtempSync(join(folder, 'summary-'));
      const { code, stdout } = await runK6('smoke/smoke.ts', {
        BASE_URL: server.url,
        ALLOWED_ORIGIN: fakeOrigin,
        SUMMARY_DIR: directory,
      });
      assert.equal(code === 0, good);
      const headline = `smoke ${good ? 'passed' : 'FAILED'}: ${server.url}`;
      assert.ok(stdout.includes(headline), stdout);
      assert.deepEqual(readdirSync(directory).sort(), ['smoke.html', 'smoke.json', 'smoke.md', 'smoke.xml']);
      const read = (name: string) => readFileSync(join(directory, name), 'utf8');

      const report = JSON.parse(read('smoke.json')) as Report & { k6: { metrics: object } };
      assert.equal(report.passed, good);
      assert.equal(report.commit, good ? fakeCommit : undefined);
      assert.deepEqual(report.settings, {
        BASE_URL: server.url,
        ALLOWED_ORIGIN: fakeOrigin,
        EXPECT_SHA: 'any',
        WAKE_SECONDS: '60',
      });
      assert.equal(report.baseUrl, server.url);
      assert.ok(report.checks.length > 15 && report.thresholds.length > 10 && report.durations.length > 5);
      assert.ok('http_reqs' in report.k6.metrics);

      const { cases, attributes } = await readJunit(read('smoke.xml'));
      const failed = cases.filter(({ failure }) => failure !== null);
      assert.equal(cases.length, report.checks.length + report.thresholds.length);
      assert.equal(attributes['tests'], String(cases.length));
      assert.equal(attributes['failures'], String(failed.length));
      assert.equal(
        failed.some(({ name }) => name === 'GET /version is 200'),
        !good,
      );
      assert.equal(failed.length === 0, good);

      const { heading, cells } = await readHtml(pathToFileURL(join(directory, 'smoke.html')).href);
      assert.ok(heading.startsWith(headline), heading);
      for (const { name } of report.checks) assert.ok(cells.includes(name), name);

      assert.ok(read('smoke.md').startsWith(`## ${headline}`));
    });

  it('are not written where there is no directory, and k6 says so', async () => {
    const server = await startFakeServer();
    servers.push(server);
    const missing = join(folder, 'missing');
    const { stderr } = await runK6('smoke/smoke.ts', {
      BASE_URL: server.url,
      ALLOWED_ORIGIN: fakeOrigin,
      SUMMARY_DIR: missing,
    });
    assert.ok(stderr.includes(missing), stderr);
  });
});

describe('writers', () => {
  const hostile = `a <b>"bold"</b> & 'quoted' | pipe \u{1}\u{FFFE} \u{1F408} *star*\nline`;
  const failure: FailedCheck = {
    check: hostile,
    method: 'GET',
    path: '/cats/7?a=1',
    status: 500,
    code: 'INTERNAL_ERROR',
    requestId: 'one::two',
    error: '',
  };
  const report = makeReport(
    {
      state: { testRunDurationMs: 1500 },
      setup_data: { commit: '0123abc' },
      root_group: {
        name: '',
        checks: [{ name: hostile, passes: 1, fails: 2 }],
        groups: [
          { name: 'inner', groups: [], checks: [{ name: 'in a group', passes: 3, fails: 0 }] },
          ...Array.from({ length: 7 }, () => ({ name: noteOfFailure(failure), groups: [], checks: [] })),
        ],
      },
      metrics: {
        'http_req_duration{phase:measured,name:GET /cats/:id}': {
          type: 'trend',
          values: { count: 4, med: 1.234, 'p(95)': 12.345, 'p(99)': 1234.5, max: 2000 },
          thresholds: { 'p(95)<10': { ok: false }, 'max<5000': { ok: true } },
        },
        'http_req_duration{phase:measured,name:GET /unused}': {
          type: 'trend',
          values: { count: 0, med: 0, 'p(95)': 0, 'p(99)': 0, max: 0 },
          thresholds: { 'p(95)<10': { ok: true } },
        },
        'http_req_failed{phase:measured}': {
          type: 'rate',
          values: { rate: 0, passes: 0, fails: 0 },
          thresholds: { 'rate==0': { ok: true } },
        },
        http_req_duration: { type: 'trend', values: { count: 4 } },
        http_reqs: { type: 'counter', values: { count: 4, rate: 2.6666 } },
      },
    },
    {
      script: 'sample',
      baseUrl: 'http://127.0.0.1:8000',
      settings: { RATE: '20' },
      endedAt: '2026-01-02T03:04:05.000Z',
    },
  );

  it('put together what k6 says', () => {
    assert.equal(report.passed, false);
    assert.deepEqual(report.durations, [
      { name: 'GET /cats/:id', requests: 4, median: 1.234, p95: 12.345, p99: 1234.5, max: 2000 },
    ]);
    assert.deepEqual(
      report.checks.map(({ name }) => name),
      [hostile, 'in a group'],
    );
    assert.deepEqual(
      report.thresholds.map(({ expression, measured, ok }) => [expression, measured, ok]),
      [
        ['p(95)<10', '12.35', false],
        ['max<5000', '2000', true],
        ['p(95)<10', '', true],
        ['rate==0', '', true],
      ],
    );
    assert.deepEqual(
      report.failures,
      Array.from({ length: 5 }, () => failure),
    );
    assert.equal(report.commit, '0123abc');
    assert.deepEqual(report.totals, [
      { name: 'requests', value: '4' },
      { name: 'requests a second', value: '2.67' },
    ]);
  });

  it('write XML that holds any name', async () => {
    const { cases, attributes, properties } = await readJunit(writeJunit(report));
    const expected = hostile.replace('\u{1}\u{FFFE}', '\u{FFFD}\u{FFFD}').replace('\n', ' ');
    const each = `${expected}: GET /cats/7?a=1: 500 INTERNAL_ERROR, request one::two`;
    assert.equal(cases[0]?.name, expected);
    assert.equal(cases[0]?.failure, ['false 2 of 3 times', ...Array.from({ length: 5 }, () => each)].join('; '));
    assert.equal(cases.filter(({ failure }) => failure !== null).length, 2);
    assert.equal(cases.filter(({ skipped }) => skipped === 'not measured').length, 2);
    assert.deepEqual([attributes['skipped'], attributes['tests']], ['2', String(cases.length)]);
    assert.deepEqual(properties, { commit: '0123abc', RATE: '20' });
  });

  it('write HTML that holds any name', async () => {
    const page = join(folder, 'hostile.html');
    writeFileSync(page, writeHtml(report));
    const { cells, scripts } = await readHtml(pathToFileURL(page).href);
    assert.ok(cells.includes(hostile.replace('\u{1}\u{FFFE}', '\u{FFFD}\u{FFFD}')), cells.join('\n'));
    assert.equal(scripts, 0);
  });

  it('write Markdown whose rows stay rows', () => {
    const rows = writeMarkdown(report).split('\n');
    const row = rows.find((one) => one.startsWith('|') && one.includes('bold'));
    assert.equal(row?.replaceAll('\\|', '').split('|').length, 5, row);
    assert.ok(row?.includes('\\<b\\>'));
  });

  it('write text in columns', () => {
    const text = writeText(report);
    assert.ok(
      text.startsWith(
        `sample FAILED: http://127.0.0.1:8000, 1.5 s: ${hostile.replace('\n', ' ')}: GET /cats/7?a=1: 500 INTERNAL_ERROR`,
      ),
    );
    assert.match(text, /\{phase:measured\}: rate==0 +not measured$/m);
    assert.match(text, /GET \/unused\}: p\(95\)<10 +not measured$/m);
    assert.match(text, /GET \/cats\/7\?a=1 +500 +INTERNAL_ERROR +one::two$/m);
    assert.match(text, /commit that answered +0123abc$/m);
    assert.match(text, /RATE +20$/m);
    assert.match(writeText(report), /GET \/cats\/:id +4 +1\.23 +12\.35 +1235 +2000$/m);
  });
});
