import type { Instant } from '../clock.ts';
import type { Queryable } from '../database/connect.ts';
import type { Comment } from './schemas.ts';

const commentColumns = (sql: Queryable) => sql`
  id, cat_id, author_name, content, created_at as "createdAt", updated_at as "updatedAt"`;

export async function insertComment(
  sql: Queryable,
  input: { catId: number; author_name: string; content: string; createdAt: Instant },
): Promise<Comment> {
  const [row] = await sql<[Comment]>`
    insert into cat_comments (cat_id, author_name, content, created_at, updated_at)
    values (${input.catId}, ${input.author_name}, ${input.content}, ${input.createdAt}, ${input.createdAt})
    returning ${commentColumns(sql)}`;
  return row;
}

/** One page of a cat's comments, newest first, ties by id. */
export async function listCommentsPage(
  sql: Queryable,
  { catId, page, limit }: { catId: number; page: number; limit: number },
): Promise<Comment[]> {
  return await sql<Comment[]>`
    select ${commentColumns(sql)} from cat_comments where cat_id = ${catId}
    order by created_at desc, id desc limit ${limit} offset ${(page - 1) * limit}`;
}

export async function countComments(sql: Queryable, catId: number): Promise<number> {
  const [row] = await sql<[{ total: number }]>`select count(*) as total from cat_comments where cat_id = ${catId}`;
  return row.total;
}

/** Deletes a comment of this cat. True when there was one. */
export async function deleteComment(sql: Queryable, { catId, commentId }: { catId: number; commentId: number }) {
  const { count } = await sql`delete from cat_comments where id = ${commentId} and cat_id = ${catId}`;
  return count > 0;
}
