import type { Node, RangeVar, TypeName } from 'libpg-query';

type KindsOf<Union> = Union extends unknown ? keyof Union : never;

/** `CreateStmt`, `IndexStmt` …: the names of PostgreSQL's parse nodes. */
export type NodeKind = KindsOf<Node>;

export type NodeOf<Kind extends NodeKind> = Extract<Node, Record<Kind, unknown>>[Kind];

/** Something for each kind of statement that is known. */
export type ByKind<Context, Result> = {
  [Kind in NodeKind]?: (statement: NodeOf<Kind>, context: Context) => Result;
};

/** The node's entry in a table by kind, called; undefined where the table has none. */
export function applyByKind<Context, Result>(
  table: ByKind<Context, Result>,
  tree: Node,
  context: Context,
): Result | undefined {
  const [kind, body] = Object.entries(tree)[0] ?? [];
  // The parser writes every node as { kind: body }: the entry and the body belong together, which the types cannot say.
  const entry = table[kind as NodeKind] as ((statement: unknown, context: Context) => Result) | undefined;
  return entry?.(body, context);
}

export function kindOf(tree: Node): NodeKind {
  return Object.keys(tree)[0] as NodeKind;
}

/** The nodes of one kind in a list of nodes. */
export function nodesOf<Kind extends NodeKind>(kind: Kind, list: readonly Node[] | undefined): NodeOf<Kind>[] {
  return (list ?? []).flatMap((node) => (kind in node ? [(node as unknown as Record<Kind, NodeOf<Kind>>)[kind]] : []));
}

/** `entries` or `archive.entries`; our own schema is not said. */
export function relationName({ schemaname, relname }: RangeVar): string {
  return dottedName([schemaname ?? '', relname ?? '']);
}

/** The name that a list of strings stands for: `drop table archive.entries`. */
export function listedName(list: readonly Node[] | undefined): string {
  return dottedName(stringsOf(list));
}

export function stringsOf(list: readonly Node[] | undefined): string[] {
  return nodesOf('String', list).map(({ sval }) => sval ?? '');
}

/** A node that is a list, as a list; any other as a list of itself. */
export function itemsOf(node: Node | undefined): Node[] {
  if (node === undefined) return [];
  return 'List' in node ? (node.List.items ?? []) : [node];
}

/** The name of what a statement drops, renames or moves. */
export function objectName(object: Node | undefined): string {
  if (object === undefined) return '';
  if ('ObjectWithArgs' in object) return listedName(object.ObjectWithArgs.objname);
  if ('TypeName' in object) return listedName(object.TypeName.names);
  return listedName(itemsOf(object));
}

export function dottedName(parts: readonly string[]): string {
  return parts.filter((part, index) => part !== '' && !(part === 'public' && index < parts.length - 1)).join('.');
}

/** The type's own name: `int4`, `varchar`, `serial`. */
export function typeNameOf(type: TypeName | undefined): string {
  return stringsOf(type?.names).at(-1) ?? '';
}

/** Every object below a node, the node included. */
export function* descend(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) for (const item of value) yield* descend(item);
  else {
    yield value as Record<string, unknown>;
    yield* descend(Object.values(value));
  }
}

/** All function calls below a node, by their name without schema. */
export function functionCallsIn(value: unknown): string[] {
  return [...descend(value)].flatMap((object) => {
    const name = object['funcname'];
    return Array.isArray(name) ? [stringsOf(name as Node[]).at(-1) ?? ''] : [];
  });
}
