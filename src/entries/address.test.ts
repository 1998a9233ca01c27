import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinAddress, locationFrom } from './address.ts';

test('joins the parts that are there', () => {
  assert.equal(joinAddress({ street: 'S', zip: '1', city: 'C', country: 'X' }), 'S, 1 C, X');
  assert.equal(joinAddress({ street: 'S', number: '5', country: 'X' }), 'S 5, X');
  assert.equal(
    joinAddress({ street: 'Main St', number: '5', zip: '10115', city: 'Berlin', country: 'Germany' }),
    'Main St 5, 10115 Berlin, Germany',
  );
  assert.equal(joinAddress({ city: 'C' }), 'C');
  assert.equal(joinAddress({ country: 'X' }), 'X');
});

test('a number without a street is dropped', () => {
  assert.equal(joinAddress({ number: '5' }), null);
  assert.equal(joinAddress({ number: '5', zip: '1' }), '1');
});

test('null, empty and absent parts are the same', () => {
  assert.equal(joinAddress({}), null);
  assert.equal(joinAddress({ street: '', number: null, zip: '', city: null, country: '' }), null);
  assert.equal(joinAddress({ street: null, number: '5', zip: '', city: 'C' }), 'C');
});

test('any part of an address wins over the sent location', () => {
  assert.equal(locationFrom('Park A', {}), 'Park A');
  assert.equal(locationFrom('Park A', { street: '', city: null }), 'Park A');
  assert.equal(locationFrom('Park A', { city: 'C' }), 'C');
  assert.equal(locationFrom('Park A', { number: '5' }), null, 'even when nothing comes of it');
  assert.equal(locationFrom(null, {}), null);
  assert.equal(locationFrom('', {}), null);
});
