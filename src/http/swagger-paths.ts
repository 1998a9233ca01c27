import type { ApiDocument } from './openapi.ts';

/** The page. */
export const pagePath = '/swagger';
/** The OpenAPI document. */
export const documentPath = '/swagger/json';
/** The script of the page. */
export const scriptPath = '/swagger/assets/scalar.js';

/** Where the commands in the document go unless it is known where it was read: the address of a server without settings. */
export const usualAddress = 'http://127.0.0.1:8000';

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
