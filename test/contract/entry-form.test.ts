import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Entry } from '../../src/entries/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertError, assertInvalid, assertKeys, bodyOf, entryKeys } from './answers.ts';

// POST /entries/with-image: contract 4.2.

let site: Site;
let url: string;
let call: Client;

before(async () => {
  site = await openSite();
  url = (await site.start()).url;
  call = clientOf(url);
});
after(() => site.close());

type Fields = readonly (readonly [name: string, value: string | File])[];

/** Sends a form as fetch makes it: its content type has to be that of the body. */
async function send(body: FormData | URLSearchParams | string | Uint8Array<ArrayBuffer>, type?: string) {
  const headers = { origin: 'http://localhost:5173', ...(type === undefined ? {} : { 'content-type': type }) };
  const response = await fetch(`${url}/entries/with-image`, { method: 'POST', body, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Entry };
}

function multipart(fields: Fields): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  return form;
}

const urlencoded = (fields: Fields) => new URLSearchParams(fields.map(([name, value]) => [name, String(value)]));

const forms = { multipart, urlencoded } as const;

for (const [name, make] of Object.entries(forms)) {
  test(`a form without a photo makes the sighting: ${name}`, async () => {
    const answer = await send(
      make([
        ['text', '  [update] {"seen"} Kätzchen 猫\n again '],
        ['nickname', 'Smokey'],
        ['location', 'not this'],
        ['location_street', 'Park Street'],
        ['location_number', '5'],
        ['location_zip', '10115'],
        ['location_city', 'Berlin'],
        ['location_country', ''],
        ['image', ''],
      ]),
    );
    const entry = bodyOf(answer);
    assertKeys(entry, entryKeys);
    const { text, nickname, location, location_country, photo_url, isFavorite, cat_id } = entry;
    assert.deepEqual(
      { text: text.replace('\r\n', '\n'), nickname, location, location_country, photo_url, isFavorite, cat_id },
      {
        text: '[update] {"seen"} Kätzchen 猫\n again',
        nickname: 'Smokey',
        location: 'Park Street 5, 10115 Berlin',
        location_country: null,
        photo_url: null,
        isFavorite: false,
        cat_id: null,
      },
    );
    assert.deepEqual(bodyOf(await call<Entry>('GET', `/entries/${entry.id}`)), entry);
    assert.equal(answer.headers.get('access-control-allow-origin'), 'http://localhost:5173');
  });

  test(`an empty field counts as left out, a blank text is 400, every problem is told: ${name}`, async () => {
    assertInvalid(await send(make([['text', '']])), ['missing', 'body', 'text']);
    assertInvalid(await send(make([['nickname', 'Tom']])), ['missing', 'body', 'text']);
    assertError(await send(make([['text', ' \n ']])), 400, 'TEXT_EMPTY', 'text must not be empty');
    assertInvalid(
      await send(
        make([
          ['text', 'a'.repeat(5001)],
          ['nickname', 'n'.repeat(101)],
          ['image', 'cat.jpg'],
        ]),
      ),
      ['string_too_long', 'body', 'text'],
      ['string_too_long', 'body', 'nickname'],
      ['value_error', 'body', 'image'],
    );
    assert.equal((await send(make([['text', '🐈'.repeat(5000)]]))).status, 200);
  });

  test(`of a repeated field the last counts, what is not known is said to be ignored: ${name}`, async () => {
    const answer = await send(
      make([
        ['text', 'first'],
        ['text', 'last'],
        ['photo_url', 'https://photos.example/cat.jpg'],
        ['__proto__', 'x'],
      ]),
    );
    const { text, photo_url } = bodyOf(answer);
    assert.deepEqual({ text, photo_url }, { text: 'last', photo_url: null });
    assert.equal(answer.headers.get('warning'), '299 - "ignored: body photo_url, body __proto__"');
  });
}

test('a file input in which nothing was chosen is no photo', async () => {
  const empty = new File([], '', { type: 'application/octet-stream' });
  const { text } = bodyOf(
    await send(
      multipart([
        ['text', 'Grey'],
        ['image', empty],
      ]),
    ),
  );
  assert.equal(text, 'Grey');
});

test('a photo is 501, and nothing is stored', async () => {
  const earlier = (await call('GET', '/entries')).text;
  for (const bytes of [1, 0, 3_000_000]) {
    const photo = new File([new Uint8Array(bytes)], 'cat.jpg', { type: 'image/jpeg' });
    const answer = await send(
      multipart([
        ['text', 'Grey'],
        ['image', photo],
      ]),
    );
    assertError(answer, 501, 'NOT_IMPLEMENTED', 'Uploading photos is not available in this version of the server');
  }
  assert.equal((await call('GET', '/entries')).text, earlier);
});

test('what is no form: 422 for nothing, 415 for another type, 400 for a broken one', async () => {
  const earlier = (await call('GET', '/entries')).text;
  const nothing = await call('POST', '/entries/with-image');
  assertInvalid(nothing, ['missing', 'body', 'text']);
  for (const type of ['application/json', 'text/plain']) {
    const answer = await send('{"text":"Grey"}', type);
    const message = `The body must be a form: send it with Content-Type: multipart/form-data or application/x-www-form-urlencoded, not ${type}`;
    assertError(answer, 415, 'UNSUPPORTED_MEDIA_TYPE', message);
  }
  assertError(
    await send('text=Grey', 'multipart/form-data'),
    400,
    'FORM_INVALID',
    'There was an error parsing the body',
  );
  // The parsers differ about where a form that is broken ends; to neither is it a sighting.
  for (const body of ['no such thing', '--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nGr']) {
    const answer = await send(body, 'multipart/form-data; boundary=x');
    assert.ok(answer.status === 400 || answer.status === 422, answer.text);
  }
  assert.equal((await call('GET', '/entries')).text, earlier);
});

test('NUL is refused, and what is not UTF-8 is not stored as something else by chance', async () => {
  assertInvalid(await send(multipart([['text', 'a\0b']])), ['value_error', 'body', 'text']);
  assertInvalid(await send('text=a%00b', 'application/x-www-form-urlencoded'), ['value_error', 'body', 'text']);
});
