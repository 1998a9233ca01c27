import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { EmbeddedDatabaseError } from './embedded-failure.ts';
import { isDatabaseUnreachable, isRefusal, sqlStateOf, toAppError } from './errors.ts';

const failure = (code: string, more: Record<string, string> = {}) =>
  Object.assign(new Error('text of the server: name=secret'), { code, detail: 'Key (name)=(secret)', ...more });

test('sqlStateOf() knows a SQLSTATE from the codes of the driver and of the system', () => {
  assert.equal(sqlStateOf(failure('23505')), '23505');
  assert.equal(sqlStateOf(failure('40P01')), '40P01');
  for (const code of ['CONNECTION_CLOSED', 'ECONNREFUSED', 'CONNECT_TIMEOUT'])
    assert.equal(sqlStateOf(failure(code)), undefined);
  for (const other of [undefined, null, '23505', { code: '23505' }, new Error('none')])
    assert.equal(sqlStateOf(other), undefined);
});

test('toAppError() answers 503 with Retry-After to whatever waiting may cure', () => {
  const codes = [
    ...[
      'CONNECTION_CLOSED',
      'CONNECTION_ENDED',
      'CONNECTION_DESTROYED',
      'CONNECT_TIMEOUT',
      'QUERY_TIMEOUT',
      'QUEUE_TIMEOUT',
      'NO_SUITABLE_HOST',
    ],
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EMFILE', 'ENFILE'],
    // Connection exceptions, shutdown and start, too many connections, disk full.
    ...['08000', '08006', '57P01', '57P02', '57P03', '53300', '53100', '53200'],
    // Given up by the server: statement timeout, lock timeout, and what three tries did not cure.
    ...['57014', '55P03', '40001', '40P01'],
  ];
  for (const code of codes) {
    const error = toAppError(failure(code));
    assert.ok(error instanceof AppError, code);
    assert.deepEqual([error.status, error.code, error.retryable], [503, 'DATABASE_UNAVAILABLE', true], code);
    assert.match(error.headers['retry-after'] ?? '', /^[1-9]\d*$/, code);
  }
});

test('toAppError() tells what is full, and what has stopped, from what cannot be reached', () => {
  for (const code of ['53100', '53200']) assert.match(toAppError(failure(code))?.message ?? '', /has no room/);
  assert.match(toAppError(failure('53300'))?.message ?? '', /cannot be reached/);
  const stopped = new EmbeddedDatabaseError('ENGINE_STOPPED', 'no space left in /secret');
  const error = toAppError(stopped);
  assert.deepEqual([error?.status, error?.code, error?.retryable], [503, 'DATABASE_UNAVAILABLE', true]);
  assert.match(error?.message ?? '', /^The database has stopped\./);
  // Nothing to be waited for at a start.
  assert.equal(isDatabaseUnreachable(stopped), false);
  assert.equal(toAppError(new EmbeddedDatabaseError('DAMAGED', 'in /secret')), undefined);
});

test('toAppError() answers 503 to what the server refuses, in whatever way, and says that it is a refusal', () => {
  const refused = [
    failure('28P01'),
    failure('28000'),
    failure('3D000'),
    failure('3F000'),
    failure('42501'),
    failure('42P01'),
    failure('SASL_SIGNATURE_MISMATCH'),
    // The database takes no connections; a pooler does not know it; whatever servers will think of.
    failure('55000', { severity: 'FATAL' }),
    failure('08P01', { severity: 'FATAL' }),
    failure('XX000', { severity: 'FATAL' }),
    failure('SELF_SIGNED_CERT_IN_CHAIN'),
    failure('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    failure('CERT_HAS_EXPIRED'),
    failure('ERR_TLS_CERT_ALTNAME_INVALID'),
    failure('ERR_SSL_WRONG_VERSION_NUMBER'),
    Object.assign(new Error('invalid peer certificate: UnknownIssuer'), { name: 'InvalidData' }),
  ];
  for (const cause of refused) {
    const error = toAppError(cause);
    assert.deepEqual(
      [error?.status, error?.code, error?.retryable],
      [503, 'DATABASE_UNAVAILABLE', true],
      String(cause),
    );
    assert.match(error?.headers['retry-after'] ?? '', /^[1-9]\d*$/);
    assert.equal(isRefusal(cause), true);
  }
  for (const code of ['57P01', '57P03', '53300', '25P03'])
    assert.equal(isRefusal(failure(code, { severity: 'FATAL' })), false, code);
  assert.equal(isRefusal(failure('22012', { severity: 'ERROR' })), false);
});

test('toAppError() tells damage from what passes', () => {
  for (const code of ['XX001', 'XX002', '58P01']) {
    const error = toAppError(failure(code));
    assert.deepEqual([error?.status, error?.code, error?.retryable], [500, 'DATABASE_DAMAGED', false], code);
    assert.equal(error?.headers['retry-after'], undefined);
  }
});

test('toAppError() tells a database that takes no writes from one that is gone', () => {
  const error = toAppError(failure('25006'));
  assert.deepEqual([error?.status, error?.code, error?.retryable], [503, 'DATABASE_READ_ONLY', true]);
});

test('toAppError() never sends the words of the server, and keeps them as the cause', () => {
  const cause = failure('57P01');
  const error = toAppError(cause);
  assert.equal(error?.status, 503);
  assert.equal(error?.message.includes('secret'), false);
  assert.equal(error?.cause, cause);
});

test('toAppError() leaves alone what is a fault of this program', () => {
  for (const error of [
    failure('42703'),
    failure('23503', { constraint_name: 'entries_cat_id_fkey' }),
    failure('08P01'),
    failure('ENOENT'),
    new TypeError('x'),
    'text',
  ])
    assert.equal(toAppError(error), undefined, String(error));
});

test('isDatabaseUnreachable() is about connections, not about statements', () => {
  for (const code of ['ECONNREFUSED', 'CONNECT_TIMEOUT', '57P03', '08006', '53300'])
    assert.ok(isDatabaseUnreachable(failure(code)), code);
  for (const code of ['57014', '40001', '28P01', '3D000', '42P01', '08P01'])
    assert.equal(isDatabaseUnreachable(failure(code)), false, code);
});
