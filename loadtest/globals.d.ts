/** What scripts write to k6's log: k6 has it, @types/k6 leaves it to the types of a browser, which k6 is not. */
declare const console: {
  error(message: string): void;
  log(message: string): void;
};
