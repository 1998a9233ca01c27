// What an import `with { type: 'file' }` gives: the path of the file. Named where Deno would look into the file itself.
declare const path: string;
export default path;
