import { Elysia } from 'elysia';
import type { AppContext } from '../context.ts';
import { names } from '../http/accept.ts';
import { operation } from '../http/operation.ts';
import { homePage, homePagePolicy } from './page.ts';
import { home, version } from './schemas.ts';

/** What this server is: a page for people, JSON for programs, and its version. */
export const aboutRoutes = (context: AppContext) =>
  new Elysia({ name: 'about' })
    .get(
      '/',
      ({ headers: { accept } }) => {
        const name = context.settings.APP_NAME;
        if (names(accept, 'text/html')) {
          return new Response(homePage({ name, version: context.settings.APP_VERSION }), {
            headers: {
              'content-type': 'text/html; charset=utf-8',
              'content-security-policy': homePagePolicy,
              vary: 'Accept, Origin',
            },
          });
        }
        const links = { docs: '/swagger', openapi: '/swagger/json', health: '/health', version_url: '/version' };
        return Response.json(
          { name, version: context.settings.APP_VERSION, ...links },
          { headers: { vary: 'Accept, Origin' } },
        );
      },
      {
        detail: operation({
          operationId: 'getHome',
          tag: 'System',
          summary: 'What this is',
          description: 'Where to find what. A browser gets a page, a program gets JSON.',
          success: { description: 'Name, version and links', schema: home },
          errors: [],
          needsDatabase: false,
        }),
      },
    )
    .get(
      '/version',
      () => ({
        name: context.settings.APP_NAME,
        version: context.settings.APP_VERSION,
        commit: context.build.commit,
        built_at: context.build.builtAt,
        runtime: context.build.runtime,
      }),
      {
        response: { 200: version },
        detail: operation({
          operationId: 'getVersion',
          tag: 'System',
          summary: 'Which version this is',
          description: 'Compiled in by the build: a deployment is proved by comparing `commit`.',
          success: { description: 'Version, commit, time of the build and runtime' },
          errors: [],
          needsDatabase: false,
        }),
      },
    );
