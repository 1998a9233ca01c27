/**
 * What steps cost on two processors: how many seconds, and how many processors they keep busy meanwhile. The plan begins with the long ones
 * and fills the processors by the loads, so a wrong number makes a run longer and nothing else. Every run prints both for each step.
 */
export const costs: Readonly<Record<string, readonly [seconds: number, load: number]>> = {};
