export interface LinkOutcome {
  linked_count: number;
  already_linked: number[];
  newly_linked: number[];
  failed: number[];
}

/**
 * What linking these sightings to a cat comes to, one by one in the order sent (contract 4.3): a duplicate is newly linked the
 * first time and already linked after, and an unknown id fails each time it is named.
 *
 * @param catOfEntry the present cat of each entry that exists
 */
export function planLinks(
  catId: number,
  ids: readonly number[],
  catOfEntry: ReadonlyMap<number, number | null>,
): LinkOutcome {
  const linked = new Set([...catOfEntry].filter(([, cat]) => cat === catId).map(([id]) => id));
  const outcome: LinkOutcome = { linked_count: 0, already_linked: [], newly_linked: [], failed: [] };
  for (const id of ids) {
    if (!catOfEntry.has(id)) outcome.failed.push(id);
    else if (linked.has(id)) outcome.already_linked.push(id);
    else {
      linked.add(id);
      outcome.newly_linked.push(id);
    }
  }
  outcome.linked_count = outcome.newly_linked.length + outcome.already_linked.length;
  return outcome;
}
