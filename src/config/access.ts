import type { SettingValues } from './settings.ts';

/** What visitors without an account may do on a server with these settings, in one sentence. There are no accounts yet: that is all visitors. */
export function describeAccess({ ALLOW_ANONYMOUS_EDITS: open }: Pick<SettingValues, 'ALLOW_ANONYMOUS_EDITS'>): string {
  const always =
    'everybody may read, add sightings, cats and comments, assign sightings, mark favourites, rename cats and delete comments';
  return open
    ? `${always}; everybody may also change and delete sightings, delete cats and take sightings away from them (ALLOW_ANONYMOUS_EDITS is True)`
    : `${always}; nobody may change or delete a sighting, delete a cat or take a sighting away from it (ALLOW_ANONYMOUS_EDITS is False)`;
}
