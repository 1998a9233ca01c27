import * as z from 'zod';
import { pageFacts } from '../cats/schemas.ts';
import { idParameter, nonBlankText } from '../http/fields.ts';
import { instant } from '../http/instants.ts';
import { later, type ValueOf } from '../http/later.ts';

const moment = (description: string) => instant().meta({ description, example: '2026-11-22T13:13:34.577339+00:00' });

/** What the texts of a comment are, the same in requests and answers. */
const words = {
  author_name: { description: 'Who wrote it', example: 'Mia' },
  content: { description: 'What it says', example: 'Comes by every evening around six.' },
} as const;

export const comment = later(() =>
  z
    .object({
      id: z.int().meta({ description: 'Number of the comment', example: 12 }),
      cat_id: z.int().meta({ description: 'The cat it is about', example: 3 }),
      author_name: z.string().meta(words.author_name),
      content: z.string().meta(words.content),
      createdAt: moment('When it was written'),
      updatedAt: moment('When it was last changed'),
    })
    .meta({ id: 'Comment', description: 'A comment on a cat' }),
);

export type Comment = ValueOf<typeof comment>;

export const commentInput = later(() =>
  z
    .object({
      author_name: nonBlankText({ max: 100 }).meta(words.author_name),
      content: nonBlankText({ max: 2000 }).meta(words.content),
    })
    .meta({
      id: 'CommentInput',
      description: 'A new comment. Both texts are trimmed and may not be blank.',
      example: { author_name: 'Mia', content: 'Comes by every evening around six.' },
    }),
);

export const commentPage = later(() =>
  z
    .object({ comments: z.array(comment.schema).meta({ description: 'The comments of this page' }), ...pageFacts() })
    .meta({ id: 'CommentPage', description: 'A page of comments, newest first' }),
);

export const commentPath = later(() =>
  z.object({
    cat_id: idParameter('Number of the cat'),
    comment_id: idParameter('Number of the comment'),
  }),
);
