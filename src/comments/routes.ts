import { Elysia } from 'elysia';
import { profileCatNotFound } from '../cats/not-found.ts';
import { catExists, keepCat } from '../cats/queries.ts';
import { catPath, pageQuery } from '../cats/schemas.ts';
import { withOffset } from '../clock.ts';
import type { AppContext } from '../context.ts';
import { retried, transaction } from '../database/transaction.ts';
import { AppError } from '../errors.ts';
import { operation } from '../http/operation.ts';
import { pageOf } from '../http/paging.ts';
import { countComments, deleteComment, insertComment, listCommentsPage } from './queries.ts';
import { type Comment, comment, commentInput, commentPage, commentPath } from './schemas.ts';

/** Comments write their moments with `+00:00` (contract section 1). */
const present = (row: Comment): Comment => ({
  ...row,
  createdAt: withOffset(row.createdAt),
  updatedAt: withOffset(row.updatedAt),
});

/** Comments on a cat. */
export const commentRoutes = (context: AppContext) =>
  new Elysia({ name: 'comments' })
    .post(
      '/cats/:cat_id/comments',
      async ({ params: { cat_id }, body, set }) => {
        const row = await transaction(context.sql, async (tx) => {
          if (!(await keepCat(tx, cat_id))) throw profileCatNotFound(cat_id);
          return await insertComment(tx, { ...body, catId: cat_id, createdAt: context.clock.now() });
        });
        set.status = 201;
        return present(row);
      },
      {
        params: catPath,
        body: commentInput,
        response: { 201: comment },
        detail: operation({
          operationId: 'createComment',
          tag: 'Comments',
          summary: 'Comment on a cat',
          description: 'Adds a comment. Both texts are trimmed; blank ones are refused.',
          success: {
            status: 201,
            description: 'The new comment',
            links: { deleteComment: { cat_id: '$response.body#/cat_id', comment_id: '$response.body#/id' } },
          },
          errors: ['CAT_NOT_FOUND'],
          errorDetail: 'object',
        }),
      },
    )
    .get(
      '/cats/:cat_id/comments',
      async ({ params: { cat_id }, query }) => {
        if (!(await catExists(context.sql, cat_id))) throw profileCatNotFound(cat_id);
        const [total, rows] = await Promise.all([
          countComments(context.sql, cat_id),
          listCommentsPage(context.sql, { catId: cat_id, ...query }),
        ]);
        return { comments: rows.map(present), ...pageOf(total, query) };
      },
      {
        params: catPath,
        query: pageQuery,
        response: { 200: commentPage },
        detail: operation({
          operationId: 'listComments',
          tag: 'Comments',
          summary: 'List the comments on a cat',
          description: 'Newest first, in pages. A page past the end is empty.',
          success: { description: 'A page of comments' },
          work: { queue: 'cats' },
          errors: ['CAT_NOT_FOUND'],
          errorDetail: 'object',
        }),
      },
    )
    .delete(
      '/cats/:cat_id/comments/:comment_id',
      async ({ params: { cat_id, comment_id } }) => {
        if (!(await retried(() => deleteComment(context.sql, { catId: cat_id, commentId: comment_id }))))
          throw new AppError(404, 'COMMENT_NOT_FOUND', `Comment ${comment_id} not found for cat ${cat_id}`, {
            detail: 'object',
          });
        return new Response(null, { status: 204 });
      },
      {
        params: commentPath,
        detail: operation({
          operationId: 'deleteComment',
          tag: 'Comments',
          summary: 'Delete a comment',
          description: 'Deletes a comment of this cat.',
          success: { status: 204, description: 'Deleted' },
          errors: ['COMMENT_NOT_FOUND'],
          errorDetail: 'object',
        }),
      },
    );
