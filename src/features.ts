import { aboutRoutes } from './about/routes.ts';
import { analysisRoutes } from './analysis/routes.ts';
import { apiInfo, apiTags } from './api-info.ts';
import type { Build } from './build.ts';
import { catRoutes } from './cats/routes.ts';
import { commentRoutes } from './comments/routes.ts';
import type { AppContext } from './context.ts';
import { entryRoutes } from './entries/routes.ts';
import { geocodingRoutes } from './geocoding/routes.ts';
import { healthRoutes } from './health/routes.ts';
import { createHttpApp } from './http/application.ts';
import type { ApiDocument, DocumentedRoute } from './http/openapi.ts';
import { documentation } from './http/swagger.ts';
import { imageRoutes } from './images/routes.ts';
import { insightRoutes } from './insights/routes.ts';
import { mapRoutes } from './map/routes.ts';
import { matchingRoutes } from './matching/routes.ts';
import { readEmbeddedFile } from './platform/embedded-files.ts';

/** The whole API and its documentation. Does no I/O. */
export function createWholeApp(context: AppContext) {
  const app = createHttpApp(context, true).use(features(context));
  const document = () => describeApi(app.routes, context.build);
  return app.use(documentation({ document, script: readScript }));
}

/** Every feature. They read the context when a request comes, never before. */
const features = (context: AppContext) => [
  aboutRoutes(context),
  healthRoutes(context),
  entryRoutes(context),
  analysisRoutes(context),
  matchingRoutes(context),
  mapRoutes(context),
  geocodingRoutes(context),
  imageRoutes(context),
  catRoutes(context),
  insightRoutes(context),
  commentRoutes(context),
];

/** The script of the documentation page, as the binary carries it. */
const readScript = async () => ({ bytes: await readEmbeddedFile('scalar.js.gz'), encoding: 'gzip' as const });

/** The OpenAPI document of these routes. Its maker is loaded when first asked for: it would double the time to start. */
async function describeApi(routes: readonly DocumentedRoute[], build: Build): Promise<ApiDocument> {
  const { buildDocument } = await import('./http/openapi.ts');
  return buildDocument({ routes, info: apiInfo(build.version), tags: apiTags });
}

/** The document that a server of this build has at /swagger/json, without a server. */
export async function openApiDocument(build: Build): Promise<ApiDocument> {
  const unused = new Proxy({} as AppContext, {
    get(_target, name) {
      throw new Error(`describing the API must not need the context, but ${String(name)} was read`);
    },
  });
  return await describeApi(
    features(unused).flatMap((feature): DocumentedRoute[] => feature.routes),
    build,
  );
}
