import { AppError } from '../errors.ts';

/** 404 as most endpoints word it. */
export const catNotFound = () => new AppError(404, 'CAT_NOT_FOUND', 'Cat not found');

/** 404 as the six endpoints of the profile page word it, with an object as `detail` (contract section 2). */
export const profileCatNotFound = (id: number) =>
  new AppError(404, 'CAT_NOT_FOUND', `Cat with ID ${id} not found`, { detail: 'object' });
