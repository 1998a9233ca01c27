import { swagger } from '@elysiajs/swagger';
import { weightOf } from './accept.ts';
import { isCurrent, represent, representation } from './conditional.ts';
import { escapeHtml, renderErrorsPage } from './error-catalog.ts';
import {
  type Asset,
  type DocumentationOptions,
  documentPath,
  pagePath,
  scriptPath,
  usualAddress,
} from './swagger-paths.ts';

// This file is imported when the documentation is first asked for, not at start-up.

type PluginOptions = NonNullable<Parameters<typeof swagger>[0]>;

/** Makes the page with the plugin, once. */
export async function renderPages({ document, script }: DocumentationOptions) {
  const [api, asset] = await Promise.all([document(), script()]);
  const scriptVersion = (await digest(asset.bytes)).slice(0, 16);
  // The plugin writes title and description into the page unescaped, once, when it is made; the document that it serves
  // takes them from the same object at each request.
  const served = {
    ...api,
    info: {
      ...api.info,
      title: escapeHtml(api.info.title),
      description: escapeHtml(api.info.summary ?? api.info.title),
    },
  };
  const plugin = swagger({
    path: pagePath,
    specPath: documentPath,
    provider: 'scalar',
    // Without a scheme and a host, and with a version, so that it can be kept for ever.
    scalarCDN: `${besidePage(scriptPath)}?v=${scriptVersion}`,
    scalarConfig: {
      ...(escapeStrings(interfaceConfiguration) as NonNullable<PluginOptions['scalarConfig']>),
      // The plugin reads the address here; in the JSON the interface would warn of a deprecated field.
      spec: { url: besidePage(documentPath), toJSON: () => undefined },
    } as NonNullable<PluginOptions['scalarConfig']>,
    // The document is ours: the plugin cannot read zod, and is to find no routes of its own.
    exclude: [/./],
    // Its type is that of OpenAPI 3.0; it passes the document through.
    documentation: served as unknown as NonNullable<PluginOptions['documentation']>,
  });
  served.info = { ...api.info } as typeof served.info;
  const [page, json] = await Promise.all(
    [pagePath, documentPath].map(async (path) => (await plugin.handle(new Request(`http://localhost${path}`))).text()),
  );
  if (!page || !json) throw new Error('the documentation plugin answered with an empty page');
  const html = page
    .replace('<html>', '<html lang="en">')
    .replace('</head>', `<link rel="icon" href="${icon}" />\n    <script>${withoutEval}</script>\n  </head>`);
  const pageHtml = await representation(html, {
    ...pageHeaders,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': await policyOf(html),
  });
  const documentAt = (address: string) =>
    representation(json.replaceAll(usualAddress, address), { ...pageHeaders, 'content-type': 'application/json' });
  return {
    servePage: (request: Request) => represent(request, pageHtml),
    serveDocument: async (request: Request) => represent(request, await documentAt(addressOf(request))),
    serveScript: (request: Request) => sendScript(request, asset, scriptVersion),
  };
}

/**
 * Where the server is for the client that asks, as the client and the proxies in front say, so that a command in the document can be
 * pasted as it is. The usual address where they say something odd, for it goes into commands.
 */
function addressOf({ url, headers }: Request): string {
  const { protocol, host } = new URL(url);
  const scheme = headers.get('x-forwarded-proto') === 'https' ? 'https:' : protocol;
  const prefix = headers.get('x-forwarded-prefix')?.replace(/\/$/, '') ?? '';
  const address = `${scheme}//${host}${prefix}`;
  return /^https?:\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?(?:\/[\w.~-]+)*$/.test(address) ? address : usualAddress;
}

/** Answers with the page about errors. */
export async function serveErrors(request: Request): Promise<Response> {
  const html = renderErrorsPage(errorPageStyle);
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${await digest(errorPageStyle, 'base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const page = await representation(html, {
    ...pageHeaders,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
  });
  return represent(request, page);
}

/** A path of this server as the page refers to it: relative, because a proxy may have taken a prefix off that of the page. */
function besidePage(path: string): string {
  return path.slice(pagePath.lastIndexOf('/') + 1);
}

/** What the pages and the document have in common: asked about each time, and taken for what they say they are. */
const pageHeaders = { 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' };

function sendScript(request: Request, script: Asset, scriptVersion: string): Response {
  const compressed = script.encoding === 'gzip' && acceptsGzip(request);
  // Bytes that are not the same have tags that are not the same (RFC 9110 8.8.3).
  const etag = `"${scriptVersion}${compressed ? '-gzip' : ''}"`;
  const headers: Record<string, string> = {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control':
      new URL(request.url).searchParams.get('v') === scriptVersion ? 'public, max-age=31536000, immutable' : 'no-cache',
    'x-content-type-options': 'nosniff',
    vary: 'Accept-Encoding, Origin',
    etag,
  };
  if (isCurrent(request, etag)) return new Response(null, { status: 304, headers });
  if (script.encoding === 'identity') return new Response(script.bytes, { headers });
  if (compressed) return new Response(script.bytes, { headers: { ...headers, 'content-encoding': 'gzip' } });
  const plain = new Blob([script.bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(plain, { headers });
}

/** RFC 9110 12.5.3, as far as it concerns gzip: named or covered by `*`, and not with a weight of zero. */
function acceptsGzip(request: Request): boolean {
  const header = request.headers.get('accept-encoding');
  return (weightOf(header, 'gzip') ?? weightOf(header, '*') ?? 0) > 0;
}

/** SHA-256. By Web Crypto: an import of node:crypto would be paid for at start-up, wherever it is written. */
async function digest(content: string | Uint8Array<ArrayBuffer>, encoding: 'hex' | 'base64' = 'hex'): Promise<string> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return encoding === 'base64'
    ? btoa(String.fromCharCode(...hash))
    : Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * What the page may load and do: from this server only, and no inline script but those that are in it now (by hash).
 * Styles have to be allowed inline: the interface makes style elements and attributes at run time.
 */
async function policyOf(html: string): Promise<string> {
  const inline = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)]
    .filter(([element, content]) => content !== '' && !/\ssrc=/.test(element))
    .map(async ([, content]) => `'sha256-${await digest(String(content), 'base64')}'`);
  const hashes = await Promise.all(inline);
  return [
    "default-src 'none'",
    `script-src 'self' ${hashes.join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The plugin puts its configuration as JSON into a single-quoted attribute, without escaping. */
function escapeStrings(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replaceAll('&', '&amp;').replaceAll("'", '&#39;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  if (Array.isArray(value)) return value.map(escapeStrings);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, escapeStrings(each)]));
}

// The interface contains zod, which finds out whether it may compile code by trying; the policy would report that.
const withoutEval = 'globalThis.__zod_globalConfig = { jitless: true };';

const catFace =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M5 4l7 5h8l7-5v15a11 9 0 0 1-22 0z" fill="#d97706"/><circle cx="11.500" cy="17" r="2"/><circle cx="20.500" cy="17" r="2"/><path d="M14 22h4l-2 2z"/></svg>';
const icon = `data:image/svg+xml,${encodeURIComponent(catFace)}`;

// This goes unescaped into a style element and escaped into an attribute: it must not hold quotes, &, < or >.
const interfaceStyle = `
:root { --scalar-font: system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif; --scalar-font-code: ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace; }
.light-mode { --scalar-color-accent: #b45309; --scalar-background-accent: #b453091f; --scalar-link-color: #b45309; --scalar-link-color-hover: #92400e; }
.dark-mode { --scalar-color-accent: #f59e0b; --scalar-background-accent: #f59e0b1f; --scalar-link-color: #fbbf24; --scalar-link-color-hover: #fde68a; }
.light-mode .sidebar, .dark-mode .sidebar { --scalar-sidebar-color-active: var(--scalar-color-accent); --scalar-sidebar-item-active-background: var(--scalar-background-accent); }
`;

/** Configuration of Scalar 1.72: nothing that would speak to another server, no offers of other products. */
const interfaceConfiguration = {
  url: besidePage(documentPath),
  theme: 'default',
  customCss: interfaceStyle,
  favicon: icon,
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  documentDownloadType: 'direct',
  orderSchemaPropertiesBy: 'preserve',
  modelsSectionLabel: 'Schemas',
  defaultOpenAllTags: false,
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
};

const errorPageStyle = `
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.6 system-ui, -apple-system, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 6rem; }
section { border-top: 1px solid #8884; margin-top: 2rem; scroll-margin-top: 1rem; }
section:target { outline: 2px solid #d97706; outline-offset: 0.75rem; border-radius: 2px; }
h2 { font: 600 1.1rem/1.6 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
h2 a { color: inherit; text-decoration: none; }
h2 span { font-weight: 400; opacity: 0.65; }
a, h2 a:hover { color: #b45309; }
code { font: 0.9em ui-monospace, Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { a, h2 a:hover { color: #f59e0b; } }
`;
