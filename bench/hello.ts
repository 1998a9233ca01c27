// The measure for bench/start.ts: the least that a compiled Elysia can do.
import { Elysia } from 'elysia';

new Elysia().get('/', () => 'hello').listen({ hostname: '127.0.0.1', port: Number(process.env['PORT']) });
