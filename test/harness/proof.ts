/** How long a run may take to be sure: `ci` on every push, `nightly` once a day. `CATATLAS_PROOF`, `ci` where it is not set. */
export type Proof = 'ci' | 'nightly';

function proofOf(text: string | undefined): Proof {
  if (text === undefined || text === 'ci') return 'ci';
  if (text === 'nightly') return 'nightly';
  throw new Error(`CATATLAS_PROOF=${text}: expected ci or nightly`);
}

export const proof = proofOf(process.env['CATATLAS_PROOF']);

/** How often a test does again what chance decides, or how much it does it to: the number for this run. */
export function repetitions(numbers: Readonly<Record<Proof, number>>): number {
  return numbers[proof];
}
