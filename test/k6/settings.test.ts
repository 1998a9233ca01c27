// What the k6 scripts accept from the environment (the rules import no k6 module).
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isExpectedCommit, readLoadSettings, readSmokeSettings } from '../../loadtest/lib/settings.ts';

const defaults = { rate: 20, durationSeconds: 120 };
const local = { BASE_URL: 'http://127.0.0.1:8000' };
const smoke = { ...local, ALLOWED_ORIGIN: 'https://cats.example' };

/** The problems that settings are refused for. */
function problemsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
  assert.fail('nothing was refused');
}

describe('readSmokeSettings', () => {
  it('takes the address, the origin and the commit', () => {
    assert.deepEqual(readSmokeSettings({ ...smoke, EXPECT_SHA: '0123abc' }), {
      baseUrl: 'http://127.0.0.1:8000',
      allowedOrigin: 'https://cats.example',
      expectSha: '0123abc',
      wakeSeconds: 60,
      summaryDirectory: undefined,
    });
  });

  it('takes the variable of the plan, and drops a slash at the end', () => {
    const { baseUrl } = readSmokeSettings({ ...smoke, BASE_URL: '', CATATLAS_API_BASE: 'https://api.cats.example/' });
    assert.equal(baseUrl, 'https://api.cats.example');
  });

  it('tells everything that is missing at once', () => {
    const problems = problemsOf(() => readSmokeSettings({ BASE_URL: '', WAKE_SECONDS: '0', EXPECT_SHA: 'HEAD' }));
    assert.equal(problems.length, 4);
    for (const name of ['BASE_URL', 'ALLOWED_ORIGIN', 'WAKE_SECONDS', 'EXPECT_SHA'])
      assert.ok(
        problems.some((one) => one.startsWith(`- ${name}`)),
        `${name} in ${problems.join('\n')}`,
      );
  });

  it('refuses two addresses that disagree', () => {
    const [problem] = problemsOf(() => readSmokeSettings({ ...smoke, CATATLAS_API_BASE: 'http://127.0.0.1:9000' }));
    assert.match(problem ?? '', /disagree/);
  });

  for (const url of [
    'cats.example',
    'ftp://cats.example',
    'http://user:secret@cats.example',
    'http://cats.example/api',
    'http://',
  ])
    it(`refuses the address ${url}`, () => {
      const [problem] = problemsOf(() => readSmokeSettings({ ...smoke, BASE_URL: url }));
      assert.match(problem ?? '', /^- BASE_URL=/);
    });

  for (const origin of ['*', 'cats.example', 'https://cats.example/', 'https://a.example,https://b.example'])
    it(`refuses the origin ${origin}`, () => {
      const [problem] = problemsOf(() => readSmokeSettings({ ...smoke, ALLOWED_ORIGIN: origin }));
      assert.match(problem ?? '', /^- ALLOWED_ORIGIN=/);
    });

  it('may look at any host: it is one pass', () => {
    assert.equal(
      readSmokeSettings({ ...smoke, BASE_URL: 'https://api.cats.example' }).baseUrl,
      'https://api.cats.example',
    );
  });
});

describe('readLoadSettings', () => {
  it('uses what the script does by itself', () => {
    const { rate, durationSeconds } = readLoadSettings(local, defaults);
    assert.deepEqual({ rate, durationSeconds }, defaults);
  });

  for (const [text, seconds] of [
    ['90s', 90],
    ['5m', 300],
    ['1h30m', 5400],
    ['1h1s', 3601],
  ] as const)
    it(`reads DURATION=${text} as ${seconds} seconds`, () => {
      assert.equal(readLoadSettings({ ...local, DURATION: text }, defaults).durationSeconds, seconds);
    });

  for (const [name, value] of [
    ['DURATION', '10'],
    ['DURATION', '0s'],
    ['DURATION', '1.5m'],
    ['DURATION', 'm'],
    ['RATE', '0'],
    ['RATE', '-1'],
    ['RATE', '1e3'],
    ['RATE', '100001'],
    ['ALLOW_REMOTE', 'true'],
  ] as const)
    it(`refuses ${name}=${value}`, () => {
      const [problem] = problemsOf(() => readLoadSettings({ ...local, [name]: value }, defaults));
      assert.ok(problem?.startsWith(`- ${name}=${value}`), problem);
    });

  for (const url of [
    'http://localhost:8000',
    'http://LOCALHOST',
    'http://127.0.0.1',
    'http://127.9.8.7:1',
    'http://[::1]:8000',
  ])
    it(`puts load on this machine: ${url}`, () => {
      assert.equal(readLoadSettings({ BASE_URL: url }, defaults).baseUrl, url);
    });

  for (const url of [
    'https://api.cats.example',
    'http://localhost.cats.example',
    'http://127.0.0.1.cats.example',
    'http://10.0.0.1:8000',
    'http://0.0.0.0:8000',
    'http://[2001:db8::1]:8000',
    'http://2130706433',
  ])
    it(`puts no load on ${url} unless told`, () => {
      const [problem] = problemsOf(() => readLoadSettings({ BASE_URL: url }, defaults));
      assert.match(problem ?? '', /is not this machine.*ALLOW_REMOTE=yes/);
      problemsOf(() => readLoadSettings({ BASE_URL: url, ALLOW_REMOTE: 'no' }, defaults));
      assert.equal(readLoadSettings({ BASE_URL: url, ALLOW_REMOTE: 'yes' }, defaults).baseUrl, url);
    });
});

describe('isExpectedCommit', () => {
  const full = '0123456789abcdef0123456789abcdef01234567';
  it('is the same, or begins so', () => {
    assert.ok(isExpectedCommit(full, full));
    assert.ok(isExpectedCommit(full, full.slice(0, 7)));
    assert.ok(isExpectedCommit(`${full}-dirty`, `${full}-dirty`));
  });
  it('is no other, no changed tree and nothing but a text', () => {
    for (const found of [`1${full.slice(1)}`, `${full}-dirty`, 'unknown', '', undefined, 7])
      assert.equal(isExpectedCommit(found, full.slice(0, 7)), false, String(found));
  });
});
