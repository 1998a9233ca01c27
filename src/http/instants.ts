import * as z from 'zod';
import { shownAs } from './operation.ts';

/** An instant as the API writes it: ISO 8601, UTC, microseconds. */
export const instant = () =>
  z.string().meta({
    description: 'Moment in UTC, ISO 8601 with microseconds (left out when zero)',
    example: '2026-11-22T13:13:34.577339Z',
    override: shownAs({ type: 'string', format: 'date-time' }),
  });
