import manifest from '../package.json' with { type: 'json' };
import { runtimeName } from './platform/runtime.ts';

// The build replaces these by constants (`--define`). A deployment that is rolled back must tell the truth about itself,
// which an environment variable would not (it stays as the newer deployment left it).
declare const BUILD_VERSION: string | undefined;
declare const BUILD_COMMIT: string | undefined;
declare const BUILD_TIME: string | undefined;

/** What this program was made from. */
export interface Build {
  /** The version of the product, as in package.json: `1.0.0`. */
  readonly version: string;
  /** The commit it was built from, or `source` when the source itself is run. */
  readonly commit: string;
  /** When it was built, ISO 8601 in UTC, or null when the source itself is run. */
  readonly builtAt: string | null;
  /** What runs it: `bun 1.4.5`. */
  readonly runtime: string;
}

/** The facts of this build. */
export const build: Build = {
  version: typeof BUILD_VERSION === 'string' ? BUILD_VERSION : manifest.version,
  commit: typeof BUILD_COMMIT === 'string' ? BUILD_COMMIT : 'source',
  builtAt: typeof BUILD_TIME === 'string' ? BUILD_TIME : null,
  runtime: runtimeName(),
};
