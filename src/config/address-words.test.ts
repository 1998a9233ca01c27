import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDatabaseAddress } from './database-address.ts';

/** What is left for the server, or what is said. */
function read(query: string): string {
  const reading = readDatabaseAddress(`postgresql://h/d?${query}`);
  return 'value' in reading
    ? Object.entries(reading.value.parameters)
        .map((pair) => pair.join('='))
        .join('&')
    : reading.wrong.map(({ problem, fix }) => `${problem}. ${fix}`).join('\n');
}

test('takes out what changes nothing', () => {
  for (const query of [
    '',
    'sslmode=verify-full&channel_binding=require&connect_timeout=10&keepalives=1',
    'channel_binding=prefer&channel_binding=disable',
    'keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=1000',
    'gssencmode=disable&krbsrvname=postgres&gssdelegation=0',
    'sslcompression=0&sslsni=1&sslcertmode=disable&ssl_min_protocol_version=TLSv1.2',
    'client_encoding=utf8&fallback_application_name=cats&load_balance_hosts=disable&replication=false',
    'min_protocol_version=3.0&max_protocol_version=latest&pgbouncer=true',
    // Set to nothing is not set.
    'passfile=&sslcert=&service=',
    'timezone=UTC&DateStyle=ISO&IntervalStyle=iso_8601',
  ])
    assert.equal(read(query), '', query);
});

test('leaves what is for the server', () => {
  for (const query of [
    'application_name=a&options=-c+geqo&search_path=cats&statement_timeout=1&lock_timeout=2',
    'tcp_keepalives_idle=5&tcp_keepalives_count=5&cats.key=1&role=reader&geqo=off',
    'no_such_thing=1&x=1&lc_messages=C',
  ])
    assert.equal(read(query), query);
});

test('ssl=true is sslmode=require, and the last of both counts', () => {
  const modeOf = (query: string) => {
    const reading = readDatabaseAddress(`postgresql://h/d?${query}`);
    return 'value' in reading ? reading.value.tls : undefined;
  };
  assert.equal(modeOf('ssl=true'), 'require');
  assert.equal(modeOf('ssl=true&sslmode=verify-full'), 'verify-full');
  assert.equal(modeOf('sslmode=disable&ssl=true'), 'require');
  assert.match(read('ssl=no'), /ssl.*sslmode=disable/);
});

test('refuses what cannot be honored, with the name and what to do, and no value', () => {
  for (const [query, pattern] of [
    ['channel_binding=canary', /^has an unknown channel_binding.*prefer, require\.$/],
    ['channel_binding=require&sslmode=disable', /channel_binding=require with sslmode=disable/],
    ['requiressl=canary', /requiressl/],
    ['hostaddr=canary', /hostaddr beside a host/],
    ['port=canary', /port is no number/],
    ['connect_timeout=canary', /connect_timeout/],
    ['TimeZone=canary', /timezone.*UTC/],
    ['datestyle=canary', /datestyle.*ISO/],
    ['passfile=canary', /passfile.*DATABASE_URL_FILE/],
    ['service=canary', /service/],
    ['sslcert=canary&sslkey=canary&sslpassword=canary', /sslcert,.*\n.*sslkey,.*\n.*sslpassword,/],
    ['sslcrl=canary', /sslcrl.*sslrootcert/],
    ['gssencmode=require', /gssencmode.*TLS/],
    ['require_auth=scram-sha-256', /require_auth.*verify-full/],
    ['client_encoding=LATIN1', /client_encoding.*UTF-8/],
    ['ssl_min_protocol_version=TLSv1.3', /ssl_min_protocol_version.*TLS 1\.2/],
    ['load_balance_hosts=random', /load_balance_hosts/],
    ['replication=database', /replication/],
    ['oauth_client_secret=canary', /OAuth/],
    ['scram_client_key=canary', /scram_client_key/],
  ] as const) {
    assert.match(read(query), pattern, query);
    assert.doesNotMatch(read(query), /canary/);
  }
});

test('asks about a misspelt one', () => {
  for (const [name, meant] of [
    ['chanel_binding', 'channel_binding'],
    ['Channel_Binding', 'channel_binding'],
    ['connect_timeuot', 'connect_timeout'],
    ['connection_timeout', undefined],
    ['SSLMODE', 'sslmode'],
    ['sslmod', undefined],
    ['ssl_rootcert', 'sslrootcert'],
    ['target_session_attr', 'target_session_attrs'],
    ['keepalive', 'keepalives'],
  ] as const)
    assert.equal(
      read(`${name}=canary`),
      meant === undefined ? `${name}=canary` : `has the unknown parameter ${name}. Did you mean ${meant}?`,
    );
});
