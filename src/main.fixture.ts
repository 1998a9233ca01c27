// The program, on an output that never tells that it has been written.
import process from 'node:process';

process.stdout.write = () => true;

await import('./main.ts');
