// The program, with a fault in it: CRASH says which. It comes once the server is there.
import process from 'node:process';

const write = process.stdout.write.bind(process.stdout) as (...given: unknown[]) => boolean;

process.stdout.write = (...given: unknown[]) => {
  if (String(given[0]).includes('"message":"ready"'))
    setTimeout(() => {
      const fault = new TypeError('nobody caught this of postgres://cats:the-password-of-the-database@db/cats');
      if (process.env['CRASH'] === 'exception') throw fault;
      void Promise.reject(fault);
    }, 10);
  return write(...given);
};

await import('../../src/main.ts');
