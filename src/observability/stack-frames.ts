/** A place in the program, as Sentry takes it. */
export interface StackFrame {
  function?: string;
  filename: string;
  lineno: number;
  colno: number;
  /** Ours, and not of a library or the runtime. */
  in_app: boolean;
}

const frame = /^\s+at (?:(?:async )?(.*?) \()?(?:async )?(?:file:\/\/)?([^()\s]+?):(\d+):(\d+)\)?$/;

/** The frames of an error's stack, the innermost last. The message in front of them is left out: it may hold anything. */
export function stackFrames(error: Error): StackFrame[] {
  const stack = error.stack ?? '';
  const head = stack.indexOf(error.message);
  const body = error.message !== '' && head >= 0 ? stack.slice(head + error.message.length) : stack;
  return body
    .split('\n')
    .flatMap((line): StackFrame[] => {
      const [, name, path, row, column] = frame.exec(line) ?? [];
      if (path === undefined) return [];
      const filename = shorten(path);
      return [
        {
          ...(name ? { function: name } : {}),
          filename,
          lineno: Number(row),
          colno: Number(column),
          in_app: !/^(?:node|native|ext|bun):|(?:^|\/)node_modules\//.test(filename),
        },
      ];
    })
    .slice(0, 50)
    .reverse();
}

/** From the root of the program: where it is installed, and under whose name, is nobody's business. */
function shorten(path: string): string {
  return path.replaceAll('\\', '/').replace(/^.*?\/(?=(?:src|node_modules|test)\/)|^\/\$bunfs\/root\/|^\/.*\//, '');
}
