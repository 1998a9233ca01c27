import { Elysia } from 'elysia';
import { errorPagePath } from './error-catalog.ts';
import { type DocumentationOptions, documentPath, pagePath, scriptPath } from './swagger-paths.ts';

/**
 * The API document and its user interface: `/swagger`, `/swagger/json`, the script of the interface, the page about
 * errors, and redirects from where clients of the first server look (`/docs`, `/redoc`, `/openapi.json`). Nothing is
 * loaded from elsewhere. Whatever is needed to make them is loaded by the first request, not at start-up.
 */
export function documentation(options: DocumentationOptions) {
  let loading: ReturnType<typeof loadPages> | undefined;
  const loadPages = async () => (await import('./swagger-pages.ts')).renderPages(options);
  const pages = () => {
    loading ??= loadPages().catch((error: unknown) => {
      // The next request may have more luck.
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const hidden = { detail: { hide: true } };
  return new Elysia({ name: 'documentation' })
    .get(pagePath, async ({ request }) => (await pages()).servePage(request), hidden)
    .get(documentPath, async ({ request }) => (await pages()).serveDocument(request), hidden)
    .get(scriptPath, async ({ request }) => (await pages()).serveScript(request), hidden)
    .get(errorPagePath, async ({ request }) => (await import('./swagger-pages.ts')).serveErrors(request), hidden)
    .get('/docs', () => redirect(pagePath), hidden)
    .get('/redoc', () => redirect(pagePath), hidden)
    .get('/openapi.json', () => redirect(documentPath), hidden);
}

/** From a path at the root to another: relative, because a proxy may have taken a prefix off both. */
function redirect(to: string): Response {
  return new Response(null, { status: 308, headers: { location: to.slice(1) } });
}
