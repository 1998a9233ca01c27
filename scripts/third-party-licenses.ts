// The licenses of everything that an executable may hold of others: of npm's packages by their own files, of the runtime and the embedded
// PostgreSQL by licenses/.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

interface Package {
  name: string;
  version: string;
  license?: string | { type?: string };
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, unknown>;
}

/** What is in no package of npm. */
const beside: readonly [title: string, file: string][] = [
  ['Bun, the runtime', 'bun.txt'],
  ['PostgreSQL, as the embedded engine', 'postgresql.txt'],
  ['GNU Library General Public License 2', 'lgpl-2.txt'],
  ['GNU Lesser General Public License 2.1', 'lgpl-2.1.txt'],
];

const rule = '='.repeat(80);

/**
 * The license texts of all that the packages of this repository depend on when they run, nested ones included, in the order of their
 * names. Throws an Error that names the packages which do not say how they are licensed.
 */
export function thirdPartyLicenses(root: string): string {
  const packages = installedPackages(resolve(root));
  const silent = packages.filter(({ license, texts }) => license === undefined && texts.length === 0);
  if (silent.length > 0) throw new Error(`no license: ${silent.map(({ title }) => title).join(', ')}`);
  const chapters = [
    ...beside.map(([title, file]) => ({
      title,
      body: [readFileSync(join(root, 'licenses', file), 'utf8')],
    })),
    ...packages.map(({ title, license, texts }) => ({
      title: license === undefined ? title : `${title} (${license})`,
      body: texts.length > 0 ? texts : ['The package brings no text of it.'],
    })),
  ];
  return chapters
    .map(({ title, body }) => [rule, title, rule, '', ...body.map((text) => text.trim()), ''].join('\n'))
    .join('\n');
}

/** Everything that package.json depends on, directly and not, each version once. */
function installedPackages(root: string) {
  const found = new Map<string, { title: string; license: string | undefined; texts: string[] }>();
  const seen = new Set<string>();
  const visit = (folder: string): void => {
    if (seen.has(folder)) return;
    seen.add(folder);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package;
    if (folder !== root) {
      const title = `${manifest.name} ${manifest.version}`;
      const license = typeof manifest.license === 'object' ? manifest.license.type : manifest.license;
      found.set(title, { title, license, texts: licenseTexts(folder) });
    }
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = manifest;
    // Peers also where they are optional: when they are installed, the bundler takes them.
    const peers = { ...peerDependencies, ...peerDependenciesMeta };
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peers })) {
      const target = locate(name, folder, root);
      if (target !== undefined) visit(target);
      else if (name in (dependencies ?? {}))
        throw new Error(`${name} of ${folder} is not installed: run \`bun install\``);
    }
  };
  visit(root);
  return [...found.values()].sort((one, other) => (one.title < other.title ? -1 : 1));
}

/** Where a package finds another one: in its own node_modules, or in that of a folder above. */
function locate(name: string, from: string, root: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const target = join(folder, 'node_modules', name);
    if (existsSync(join(target, 'package.json'))) return target;
    if (folder === root || folder === dirname(folder)) return undefined;
  }
}

function licenseTexts(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice)([-.].*)?$/i.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}
