/**
 * CycloneDX lists of the npm packages that each of our packages runs with, by `npm sbom` from the lock file. The image's
 * builder attaches a list of the rest of an image (Node, the system).
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { manifestOf, publicPackages, workspaces } from './workspaces.ts';

const root = join(import.meta.dirname, '..');

interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  readonly properties?: readonly { readonly name: string }[];
}
interface Sbom {
  serialNumber?: string;
  metadata: { timestamp?: string; component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

function npmSbom(args: readonly string[]): Sbom {
  const common = ['--loglevel=error', 'sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
  const text = execFileSync('npm', [...common, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(text) as Sbom;
}

function isDevelopment({ properties = [] }: Component): boolean {
  return properties.some(({ name }) => name === 'cdx:npm:package:development');
}

/** npm identifies a workspace package by its folder; returns the reference by its name, `@scope/name@version`. */
const nameIn = (ref: string): string => ref.slice(0, ref.lastIndexOf('@'));

/** Folders of the packages of this repository that `folder` needs, directly or not. */
function ownDependencies(folder: string): string[] {
  const found = new Set<string>();
  const add = (from: string): void => {
    const names = Object.keys(manifestOf(from).dependencies ?? {});
    for (const to of workspaces().filter((workspace) => names.includes(manifestOf(workspace).name))) {
      if (found.has(to)) continue;
      found.add(to);
      add(to);
    }
  };
  add(folder);
  return [...found];
}

/**
 * Writes the list of `folder` (`.` for the root, which is the operator and the command). Equal lock files give equal lists:
 * serial number and time are omitted. npm's own --omit=dev is not used: it also omits packages that are needed at run time.
 * @throws Error when a direct dependency is missing in it
 */
export function writeSbom(file: string, folder: string): void {
  const parts = [
    npmSbom([folder === '.' ? '--workspaces=false' : `--workspace=${folder}`]),
    ...ownDependencies(folder).map((own) => npmSbom([`--workspace=${own}`])),
  ];
  const [first] = parts;
  if (first === undefined) throw new Error('no list');
  const { name, version, dependencies = {} } = manifestOf(folder);
  const subject = `${name}@${version}`;
  const components = new Map<string, Component>();
  for (const one of parts.flatMap((part) => [...part.components, part.metadata.component])) {
    if (!isDevelopment(one)) components.set(one['bom-ref'], { ...one, name: nameIn(one['bom-ref']) });
  }
  const component = components.get(subject);
  if (component === undefined) throw new Error(`${folder}: npm sbom does not list ${subject}`);
  // npm includes the root in every list; keep it only in its own.
  for (const ref of [subject, first.metadata.component['bom-ref']]) components.delete(ref);
  const listed = new Set([...components.keys()].map(nameIn));
  const missing = Object.keys(dependencies).filter((wanted) => !listed.has(wanted));
  if (missing.length > 0) throw new Error(`${folder}: the SBOM lacks ${missing.join(', ')}`);
  const edges = new Map(parts.flatMap((part) => part.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn])));
  const sbom: Sbom = {
    ...first,
    metadata: { ...first.metadata, component },
    components: [...components.values()],
    dependencies: [...edges]
      .filter(([ref]) => ref === subject || components.has(ref))
      .map(([ref, dependsOn]) => ({ ref, dependsOn: dependsOn.filter((to) => components.has(to)) })),
  };
  delete sbom.serialNumber;
  delete sbom.metadata.timestamp;
  writeFileSync(file, `${JSON.stringify(sbom, null, 2)}\n`);
}

/**
 * Writes a list for each image and each public package into `out`.
 * @returns their paths
 */
export function writeSboms(out: string): string[] {
  const subjects = [
    ...publicPackages().map((folder) => [basename(folder), folder] as const),
    ['operator', '.'] as const,
    ['worker', 'workers'] as const,
  ];
  return subjects.map(([name, folder]) => {
    const file = join(out, `${name}.cdx.json`);
    writeSbom(file, folder);
    return file;
  });
}
