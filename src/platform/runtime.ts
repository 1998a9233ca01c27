/** What runs this program, with its version: `bun 1.4.5` or `deno 2.9.6`. */
export function runtimeName(): string {
  if (typeof Bun !== 'undefined') return `bun ${Bun.version}`;
  return `deno ${Deno.version.deno}`;
}

/** Is this the compiled executable, and not the source run by Bun or Deno? */
export function isStandalone(): boolean {
  return typeof Bun !== 'undefined' && Bun.isStandaloneExecutable;
}
