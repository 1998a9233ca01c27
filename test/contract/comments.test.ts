import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Comment } from '../../src/comments/schemas.ts';
import { type Client, clientOf } from '../harness/client.ts';
import { openSite, type Site } from '../harness/server.ts';
import { assertInvalid, assertKeys, assertObjectError, bodyOf, offset, pageKeys } from './answers.ts';
import { createCat } from './records.ts';

const commentKeys = ['id', 'cat_id', 'author_name', 'content', 'createdAt', 'updatedAt'];

interface Page {
  comments: Comment[];
  total: number;
  page: number;
  limit: number;
  totalPages: number;
  hasMore: boolean;
}

let site: Site;
let call: Client;

before(async () => {
  site = await openSite();
  await site.seed(async (sql) => {
    await sql`insert into cats (id, created_at) values (500, '2026-01-01T00:00:00Z')`;
    await sql`
      insert into cat_comments (id, cat_id, author_name, content, created_at, updated_at) values
        (501, 500, 'Mia', 'Sorted as text this would come first', '2026-01-02T10:00:34Z', '2026-01-02T10:00:34Z'),
        (502, 500, 'Ben', 'The latest', '2026-01-02T10:00:34.5Z', '2026-01-03T10:00:00.000001Z'),
        (503, 500, 'Mia', 'The earliest', '2026-01-01T10:00:00.123456Z', '2026-01-01T10:00:00.123456Z')`;
    await sql`alter table cats alter column id restart with 1000`;
    await sql`alter table cat_comments alter column id restart with 1000`;
  });
  call = clientOf((await site.start()).url);
});
after(() => site.close());

const post = (catId: number, json: unknown) => call<Comment>('POST', `/cats/${catId}/comments`, { json });

describe('POST /cats/{cat_id}/comments', () => {
  test('is 201 with the comment, trimmed', async () => {
    const { id } = await createCat(call);
    const comment = bodyOf(await post(id, { author_name: ' Mia\u0085', content: '\n<i>Hello</i>  there ' }), 201);
    assertKeys(comment, commentKeys);
    assert.deepEqual(
      [comment.cat_id, comment.author_name, comment.content, comment.updatedAt],
      [id, 'Mia', '<i>Hello</i>  there', comment.createdAt],
    );
    assert.ok(Number.isSafeInteger(comment.id) && comment.id > 0);
    assert.match(comment.createdAt, offset);
    const { comments } = bodyOf(await call<Page>('GET', `/cats/${id}/comments`));
    assert.deepEqual(comments, [comment]);
  });

  test('limits count code points', async () => {
    const { id } = await createCat(call);
    const longest = { author_name: '🐈'.repeat(100), content: '🐈'.repeat(2000) };
    const { author_name, content } = bodyOf(await post(id, longest), 201);
    assert.deepEqual({ author_name, content }, longest);
  });

  const name = ['body', 'author_name'];
  const content = ['body', 'content'];
  const refused: [string, unknown, (string | number)[][]][] = [
    [
      'nothing',
      {},
      [
        ['missing', ...name],
        ['missing', ...content],
      ],
    ],
    ['no content', { author_name: 'Mia' }, [['missing', ...content]]],
    [
      'null',
      { author_name: null, content: null },
      [
        ['string_type', ...name],
        ['string_type', ...content],
      ],
    ],
    ['numbers', { author_name: 'Mia', content: 5 }, [['string_type', ...content]]],
    [
      'empty texts',
      { author_name: '', content: '' },
      [
        ['string_too_short', ...name],
        ['string_too_short', ...content],
      ],
    ],
    [
      'texts over the limit',
      { author_name: 'x'.repeat(101), content: 'x'.repeat(2001) },
      [
        ['string_too_long', ...name],
        ['string_too_long', ...content],
      ],
    ],
    ['2001 spaces', { author_name: 'Mia', content: ' '.repeat(2001) }, [['string_too_long', ...content]]],
  ];
  for (const [title, json, problems] of refused)
    test(`refuses ${title}`, async () => {
      assertInvalid(await post(500, json), ...problems);
    });

  test('says what the limits are', async () => {
    const [tooShort] = assertInvalid(await post(500, { author_name: '', content: 'x' }), ['string_too_short', ...name]);
    assert.deepEqual(tooShort, {
      type: 'string_too_short',
      loc: name,
      msg: 'String should have at least 1 character',
      input: '',
      ctx: { min_length: 1 },
    });
    const [tooLong] = assertInvalid(await post(500, { author_name: 'Mia', content: 'x'.repeat(2001) }), [
      'string_too_long',
      ...content,
    ]);
    assert.equal(tooLong?.msg, 'String should have at most 2000 characters');
    assert.deepEqual(tooLong?.ctx, { max_length: 2000 });
  });
});

describe('GET /cats/{cat_id}/comments', () => {
  test('is a page, latest first by time and not by text', async () => {
    const page = bodyOf(await call<Page>('GET', '/cats/500/comments'));
    assertKeys(page, ['comments', ...pageKeys]);
    for (const comment of page.comments) assertKeys(comment, commentKeys);
    assert.deepEqual(page, {
      comments: [
        {
          id: 502,
          cat_id: 500,
          author_name: 'Ben',
          content: 'The latest',
          createdAt: '2026-01-02T10:00:34.500000+00:00',
          updatedAt: '2026-01-03T10:00:00.000001+00:00',
        },
        {
          id: 501,
          cat_id: 500,
          author_name: 'Mia',
          content: 'Sorted as text this would come first',
          createdAt: '2026-01-02T10:00:34+00:00',
          updatedAt: '2026-01-02T10:00:34+00:00',
        },
        {
          id: 503,
          cat_id: 500,
          author_name: 'Mia',
          content: 'The earliest',
          createdAt: '2026-01-01T10:00:00.123456+00:00',
          updatedAt: '2026-01-01T10:00:00.123456+00:00',
        },
      ],
      total: 3,
      page: 1,
      limit: 20,
      totalPages: 1,
      hasMore: false,
    });
  });

  const pages: [string, number[], Omit<Page, 'comments'>][] = [
    ['page=1&limit=2', [502, 501], { total: 3, page: 1, limit: 2, totalPages: 2, hasMore: true }],
    ['page=2&limit=2', [503], { total: 3, page: 2, limit: 2, totalPages: 2, hasMore: false }],
    ['page=3&limit=2', [], { total: 3, page: 3, limit: 2, totalPages: 2, hasMore: false }],
  ];
  for (const [query, ids, facts] of pages)
    test(query, async () => {
      const { comments, ...found } = bodyOf(await call<Page>('GET', `/cats/500/comments?${query}`));
      assert.deepEqual(
        comments.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(found, facts);
    });

  test('of a cat without comments is one empty page', async () => {
    const { id } = await createCat(call);
    const page = bodyOf(await call('GET', `/cats/${id}/comments`));
    assert.deepEqual(page, { comments: [], total: 0, page: 1, limit: 20, totalPages: 1, hasMore: false });
  });

  test('refuses a page or limit out of bounds, both at once', async () => {
    assertInvalid(
      await call('GET', '/cats/500/comments?limit=101&page=0'),
      ['greater_than_equal', 'query', 'page'],
      ['less_than_equal', 'query', 'limit'],
    );
  });
});

describe('DELETE /cats/{cat_id}/comments/{comment_id}', () => {
  test('is 204 without a body, once', async () => {
    const { id } = await createCat(call);
    const comment = bodyOf(await post(id, { author_name: 'Mia', content: 'Hello' }), 201);
    const path = `/cats/${id}/comments/${comment.id}`;
    const deleted = await call('DELETE', path);
    assert.deepEqual([deleted.status, deleted.text], [204, '']);
    const message = `Comment ${comment.id} not found for cat ${id}`;
    assertObjectError(await call('DELETE', path), 404, 'COMMENT_NOT_FOUND', message);
    assert.equal(bodyOf(await call<Page>('GET', `/cats/${id}/comments`)).total, 0);
  });

  for (const [title, catId, commentId] of [
    ['a comment of another cat', 1, 501],
    ['a cat that does not exist', 424242, 501],
    ['a comment that does not exist', 500, 424242],
    ['a negative id', 500, -1],
  ] as const)
    test(`of ${title} is 404, and nothing is deleted`, async () => {
      const answer = await call('DELETE', `/cats/${catId}/comments/${commentId}`);
      assertObjectError(answer, 404, 'COMMENT_NOT_FOUND', `Comment ${commentId} not found for cat ${catId}`);
      assert.equal(bodyOf(await call<Page>('GET', '/cats/500/comments')).total, 3);
    });

  test('of ids that are no integers is 422 for both', async () => {
    assertInvalid(
      await call('DELETE', '/cats/a/comments/b'),
      ['int_parsing', 'path', 'cat_id'],
      ['int_parsing', 'path', 'comment_id'],
    );
  });
});
