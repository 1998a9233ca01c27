import { AppError } from '../errors.ts';

/** 404 for a sighting that is not there. */
export const entryNotFound = () => new AppError(404, 'ENTRY_NOT_FOUND', 'Entry not found');

/** The row a query found, or 404. */
export function entryOrNotFound<Row>(row: Row | undefined): Row {
  if (row === undefined) throw entryNotFound();
  return row;
}
