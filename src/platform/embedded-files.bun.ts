// Bun only: other runtimes refuse `type: 'file'`. `bun build --compile` puts these files into the executable.
// @ts-types="./embedded-path.d.ts"
import licenses from '../../.generated/licenses.txt.gz' with { type: 'file' };
// @ts-types="./embedded-path.d.ts"
import pgdata from '../../.generated/pgdata.tar.gz' with { type: 'file' };
// @ts-types="./embedded-path.d.ts"
import scalar from '../../.generated/scalar.js.gz' with { type: 'file' };
// @ts-types="./embedded-path.d.ts"
import data from '../../node_modules/@electric-sql/pglite/dist/pglite.data' with { type: 'file' };
// @ts-types="./embedded-path.d.ts"
import wasm from '../../node_modules/@electric-sql/pglite/dist/pglite.wasm' with { type: 'file' };

/** Where the embedded files are, by name: in the executable, or on disk when the source is run. */
export const embeddedPaths = {
  'pglite.wasm': wasm,
  'pglite.data': data,
  'pgdata.tar.gz': pgdata,
  'scalar.js.gz': scalar,
  'licenses.txt.gz': licenses,
};
