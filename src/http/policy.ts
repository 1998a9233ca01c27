import type { Settings } from '../config/settings.ts';
import { AppError } from '../errors.ts';

/**
 * Who may do an operation. An operation declares it beside its path (`policy` in operation.ts); `anyone` when it declares none.
 *
 * - `anyone`: every visitor.
 * - `owner`: it changes or deletes what another visitor may have made. No visitor can prove yet what is theirs, so it is open to all of
 *   them or closed to all of them, as ALLOW_ANONYMOUS_EDITS says.
 */
export type Policy = 'anyone' | 'owner';

/** Throws 403 EDITS_CLOSED where this server does not let visitors do operations of this policy. */
export function requirePolicy(
  { ALLOW_ANONYMOUS_EDITS }: Pick<Settings, 'ALLOW_ANONYMOUS_EDITS'>,
  policy: Policy = 'anyone',
): void {
  if (policy === 'anyone' || ALLOW_ANONYMOUS_EDITS) return;
  throw new AppError(
    403,
    'EDITS_CLOSED',
    'This server does not let visitors change or delete what is there. Ask its operator to do it.',
  );
}

/** What the document says of a policy, for the description of an operation. Empty for `anyone`. */
export function describePolicy(policy: Policy): string {
  return policy === 'anyone'
    ? ''
    : 'Open to everybody in development. In production it is 403 `EDITS_CLOSED`, unless the operator has set `ALLOW_ANONYMOUS_EDITS=True`.';
}
