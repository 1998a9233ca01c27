// What an executable is made of, as a CycloneDX document: what the bundler took, and nothing that is only installed. The executable
// itself tells scanners nothing: to them it is one file.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import manifest from '../package.json' with { type: 'json' };

type PackageJson = Contrib.FromNodePackageJson.Types.NodePackageJson & { name: string; version: string };

/** `@scope/name`, and under it what only that package uses. */
const packageFolder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;

/**
 * The bill of a build as JSON. `inputs` are the files of the bundle, relative to the repository. The same commit gives the
 * same bytes. Of what Scalar's page, which is a bundle itself, was made of, only its package is known.
 */
export function billOfMaterials(inputs: readonly string[], build: { commit: string; time: string }): string {
  const folders = new Set(inputs.flatMap((path) => packageFolder.exec(path)?.[0] ?? []));
  // Also those of which only an asset is embedded.
  for (const name of Object.keys(manifest.dependencies)) folders.add(`node_modules/${name}`);

  const bom = new Models.Bom({ serialNumber: serialNumber(`${manifest.version} ${build.commit} ${build.time}`) });
  bom.metadata.timestamp = new Date(build.time);
  bom.metadata.component = componentOf(manifest, Enums.ComponentType.Application);
  bom.components.add(
    componentOf({ name: 'bun', version: manifest.engines.bun, license: 'MIT' }, Enums.ComponentType.Platform),
  );
  for (const folder of folders) bom.components.add(componentOf(readPackage(folder)));
  for (const part of [...partsOfBun(), embeddedPostgres()]) bom.components.add(part);
  return new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6)).serialize(bom, {
    sortLists: true,
    space: 2,
  });
}

const builder = new Contrib.FromNodePackageJson.Builders.ComponentBuilder(
  new Contrib.FromNodePackageJson.Factories.ExternalReferenceFactory(),
  // Not one license but a choice of them, as in `MIT OR Apache-2.0`, is kept as a name: reading it takes one more library.
  new Contrib.License.Factories.LicenseFactory((expression) => {
    throw new Error(`not read: ${expression}`);
  }),
);

function componentOf(source: PackageJson, type = Enums.ComponentType.Library): Models.Component {
  const component = builder.makeComponent(source, type);
  if (!component) throw new Error(`the package.json of ${source.name} says too little of it`);
  const { name, version } = source;
  // https://github.com/package-url/purl-spec: the @ of a scope is written as %40.
  component.purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  component.bomRef.value = component.purl;
  const patch = new Map(Object.entries(manifest.patchedDependencies)).get(`${name}@${version}`);
  if (patch !== undefined) component.properties.add(new Models.Property('catatlas:patch', patch));
  return component;
}

/** Of the versions that Bun tells, those that are no part of it: promises to programs, and Bun itself. */
const noParts = new Set(['bun', 'node', 'openssl', 'v8', 'uv', 'napi', 'modules', 'unicode', 'typescript']);

/** The libraries that the runtime is linked with, as the one that builds tells them: it is the one that is put into the executable. */
function partsOfBun(): Models.Component[] {
  if (process.versions['bun'] !== manifest.engines.bun) throw new Error(`run this with Bun ${manifest.engines.bun}`);
  return Object.entries(process.versions)
    .filter(([name, version]) => !noParts.has(name) && version)
    .map(([name, version]) => partOutsideNpm(name, String(version)));
}

/** PGlite is PostgreSQL: its own number says nothing to a scanner. */
function embeddedPostgres(): Models.Component {
  const program = readFileSync('node_modules/@electric-sql/pglite/dist/pglite.wasm', 'latin1');
  const version = /PostgreSQL (\d+\.\d+)/.exec(program)?.[1];
  if (version === undefined) throw new Error('no version of PostgreSQL in pglite.wasm');
  return partOutsideNpm('postgresql', version);
}

/** How the National Vulnerability Database calls parts that have released versions; others are known by a commit. */
const vendors: Readonly<Record<string, string>> = {
  icu: 'icu-project:international_components_for_unicode',
  llhttp: 'llhttp:llhttp',
  postgresql: 'postgresql:postgresql',
  sqlite: 'sqlite:sqlite',
};

function partOutsideNpm(name: string, version: string): Models.Component {
  const component = new Models.Component(Enums.ComponentType.Library, name, { version });
  component.purl = `pkg:generic/${name}@${version}`;
  component.bomRef.value = component.purl;
  const vendor = vendors[name];
  if (vendor !== undefined) component.cpe = `cpe:2.3:a:${vendor}:${version}:*:*:*:*:*:*:*`;
  return component;
}

function readPackage(folder: string): PackageJson {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as PackageJson;
}

/** A UUID (RFC 9562, version 8) made of a text, where CycloneDX has a random one. */
function serialNumber(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join('-')}`;
}
