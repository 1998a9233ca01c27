// Imports `with { type: 'file' }` (Bun): the path of the file, in the executable or on disk.
declare module '*.wasm' {
  const path: string;
  export default path;
}
declare module '*.data' {
  const path: string;
  export default path;
}
declare module '*.gz' {
  const path: string;
  export default path;
}
