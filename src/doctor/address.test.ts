import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { checkAddresses, readAddresses } from './address.ts';
import { type Check, checkOf } from './check.ts';

/** Bytes of an answer, as the name service has them (RFC 1035): addresses, or names as labels. */
const records: Record<string, { type: number; data: number[] }[]> = {
  'both.example.com': [
    { type: 1, data: [66, 241, 124, 1] },
    { type: 28, data: [0x2a, 0x09, 0x82, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
  ],
  'old.example.com': [{ type: 28, data: [0x2a, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] }],
  'alias.example.com': [{ type: 5, data: [3, 97, 112, 112, 3, 102, 108, 121, 3, 100, 101, 118, 0] }],
};

/** A name server that knows those names. It says nothing about others at all when they begin with `silent`. */
const server = createSocket('udp4');
let resolver: Resolver;

before(async () => {
  server.on('message', (question, from) => {
    const [name, end] = readName(question);
    if (name.startsWith('silent')) return;
    const fitting = (records[name] ?? []).filter(({ type }) => type === question.readUInt16BE(end));
    server.send(answer(question.subarray(0, end + 4), name in records, fitting), from.port, from.address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  resolver = new Resolver({ timeout: 300, tries: 1 });
  resolver.setServers([`127.0.0.1:${server.address().port}`]);
});
after(() => server.close());

/** The name that is asked for, and where it ends. */
function readName(question: Buffer): [string, number] {
  const labels: string[] = [];
  let at = 12;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return [labels.join('.').toLowerCase(), at + 1];
}

function answer(question: Buffer, exists: boolean, found: { type: number; data: number[] }[]): Uint8Array {
  const [high = 0, low = 0] = question;
  const header = [high, low, 0x84, exists ? 0x80 : 0x83, 0, 1, 0, found.length, 0, 0, 0, 0];
  // 0xc00c: the name of the question again. Class IN, valid for 60 s.
  const rows = found.flatMap(({ type, data }) => [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);
  return Uint8Array.from([...header, ...question.subarray(12), ...rows]);
}

async function judged(host: string): Promise<Check> {
  return checkAddresses(checkOf('server.address', 'DNS'), host, await readAddresses(host, resolver));
}

test('what the name service says of a host', async () => {
  const said = async (host: string) => {
    const { verdict, found } = await judged(host);
    return `${verdict}: ${found}`;
  };
  assert.equal(await said('both.example.com'), 'pass: both.example.com: 66.241.124.1, 2a09:8280:1::1');
  assert.equal(await said('old.example.com'), 'warn: old.example.com: 2a09::2');
  assert.equal(await said('none.example.com'), 'fail: none.example.com has no address');
  assert.equal(
    await said('alias.example.com'),
    'fail: alias.example.com has no address, nor has app.fly.dev, which it stands for',
  );
  assert.match(await said('silent.example.com'), /^unknown: the name service could not be asked: /);
});

test('the name service is not asked about addresses, nor about names of this network', async () => {
  for (const host of ['127.0.0.1', '[2a09::1]', '8.8.8.8'])
    assert.deepEqual((await judged(host)).found, 'not used: this is an address');
  for (const host of ['localhost', 'api', 'catatlas-api.internal'])
    assert.deepEqual((await judged(host)).verdict, 'unknown', host);
});

test('who is not found is told what to do', async () => {
  assert.match((await judged('none.example.com')).advice ?? '', /registrar.*fly certs setup/);
});
