import assert from 'node:assert/strict';

/** An answer, taken apart for assertions. */
export interface Answer<Body> {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; fails the test when it is none. */
  body: Body;
}

type Json = Record<string, unknown>;

interface Call {
  json?: unknown;
  /** Sent as it is. */
  raw?: BodyInit;
  headers?: Record<string, string>;
  redirect?: 'follow' | 'manual';
}

/** Calls an API at `baseUrl` the way its front end does: every request says Content-Type: application/json. */
export function clientOf(baseUrl: string) {
  return async function call<Body = Json>(
    method: string,
    path: string,
    { json, raw, headers, redirect }: Call = {},
  ): Promise<Answer<Body>> {
    const body = raw ?? (json === undefined ? undefined : JSON.stringify(json));
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      redirect: redirect ?? 'manual',
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      get body() {
        assert.match(
          response.headers.get('content-type') ?? '',
          /^application\/(?:problem\+)?json/,
          `${method} ${path}: ${text}`,
        );
        return JSON.parse(text) as Body;
      },
    };
  };
}

export type Client = ReturnType<typeof clientOf>;
