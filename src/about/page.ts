import { createHash } from 'node:crypto';
import { escapeHtml } from '../http/error-catalog.ts';

const style = `
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6477; --line: #d9dde6; --paper: #fbfaf7; --card: #fff; --accent: #b4530a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9ebf0; --soft: #a2aabb; --line: #333a4a; --paper: #14171f; --card: #1c212c; --accent: #f2a65a; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 17px/1.6 system-ui, sans-serif; }
main { max-width: 40rem; width: 100%; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: 0 0 .5rem; letter-spacing: -.02em; }
p { margin: 0 0 1.5rem; color: var(--soft); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
a { display: flex; justify-content: space-between; gap: 1rem; padding: .85rem 1.1rem; border: 1px solid var(--line); border-radius: .6rem;
  background: var(--card); color: inherit; text-decoration: none; }
a:hover, a:focus-visible { border-color: var(--accent); outline: none; }
a b { color: var(--accent); }
a span { color: var(--soft); text-align: right; }
footer { margin-top: 1.5rem; font-size: .85rem; color: var(--soft); }
`;

/** Only the page's own style may apply; nothing else is loaded. */
export const homePagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The page at `/` for people: what this is, and where to go. */
export function homePage({ name, version }: { name: string; version: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(name)}</h1>
<p>People log sightings of street cats: a note, a place, a photo. This API turns them into individual cats.</p>
<ul>
<li><a href="swagger"><b>Documentation</b><span>every operation, to read and to try</span></a></li>
<li><a href="swagger/json"><b>OpenAPI document</b><span>for generators and tools</span></a></li>
<li><a href="health/ready"><b>Health</b><span>database, schema, readiness</span></a></li>
<li><a href="version"><b>Version</b><span>what exactly is running</span></a></li>
</ul>
<footer>Version ${escapeHtml(version)}</footer>
</main>
</body>
</html>
`;
}
