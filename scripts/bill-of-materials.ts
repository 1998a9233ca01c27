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
