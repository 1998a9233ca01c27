import assert from 'node:assert/strict';
import type { Program } from './process.ts';

/** What a scrape brought, taken apart. */
export interface Scrape {
  /** Every metric there is, also those without a sample now, by name; the value is its type. */
  types: Map<string, string>;
  /** The value of a sample, by its whole name: `catatlas_http_requests_total{method="GET",…}`. */
  samples: Map<string, number>;
  milliseconds: number;
}

/** Where a server has its metrics. */
export async function metricsUrl(program: Program): Promise<string> {
  return String((await program.logged('metrics'))['url']);
}

/** Scrapes as Prometheus does. Fails on anything that the format 0.0.4 does not allow. */
export async function scrape(url: string): Promise<Scrape> {
  const began = performance.now();
  const response = await fetch(url);
  const text = await response.text();
  const milliseconds = performance.now() - began;
  assert.equal(response.status, 200, text);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.ok(text.endsWith('\n'));
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  let helped = '';
  for (const line of text.split('\n').slice(0, -1)) {
    const help = /^# HELP (\S+) \S/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^(\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)+\})? (\S+)$/.exec(line);
    if (help?.[1]) {
      assert.equal(types.has(help[1]), false, `${help[1]} comes twice`);
      helped = help[1];
    } else if (type?.[1] && type[2]) {
      assert.equal(type[1], helped);
      types.set(type[1], type[2]);
    } else if (sample?.[1] && sample[3]) {
      assert.ok(sample[1].startsWith(helped), line);
      const key = `${sample[1]}${sample[2] ?? ''}`;
      assert.equal(samples.has(key), false, `${key} comes twice`);
      const value = sample[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample[3]);
      assert.ok(!Number.isNaN(value), line);
      samples.set(key, value);
    } else assert.fail(`not a line of the format: ${line}`);
  }
  return { types, samples, milliseconds };
}
