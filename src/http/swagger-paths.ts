import type { ApiDocument } from './openapi.ts';

/** The page. */
export const pagePath = '/swagger';
/** The OpenAPI document. */
export const documentPath = '/swagger/json';
/** The script of the page. */
export const scriptPath = '/swagger/assets/scalar.js';

/** A file that is part of the program. */
export interface Asset {
  bytes: Uint8Array<ArrayBuffer>;
  /** How `bytes` are compressed. */
  encoding: 'identity' | 'gzip';
}

export interface DocumentationOptions {
  /** The API document. Asked for once, at the first request that needs it. */
  document(): ApiDocument | Promise<ApiDocument>;
  /** The user interface: `standalone.js` of `@scalar/api-reference`. Asked for once. */
  script(): Asset | Promise<Asset>;
}
