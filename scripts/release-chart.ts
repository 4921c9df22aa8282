/**
 * The chart as a release publishes it: its images are those of the release's registry, so that an installation needs no other value, and
 * Chart.yaml lists them for Artifact Hub. The chart of the repository stays as it is.
 */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Repositories in the repository's values.yaml, by what the registry calls them. */
const images = { 'distillery/operator': 'distillery-operator', 'distillery/worker': 'distillery-worker' } as const;

export interface ChartRelease {
  /** Folder of the chart. */
  readonly source: string;
  /** Registry and owner, such as `ghcr.io/owner`; null = the images keep their names. */
  readonly registry: string | null;
  readonly version: string;
}

/**
 * @returns a new folder with the chart, whose parent the caller removes
 * @throws Error when values.yaml does not name each image exactly once
 */
export function stageChart({ source, registry, version }: ChartRelease): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'distillery-chart-')), basename(source));
  cpSync(source, folder, { recursive: true });
  const names = Object.entries(images).map(([name, published]): [string, string] => [
    name,
    registry === null ? name : `${registry}/${published}`,
  ]);
  for (const file of ['values.yaml', 'README.md']) {
    edit(join(folder, file), (text) => {
      let named = text;
      for (const [name, published] of names) {
        if (file === 'values.yaml' && named.split(`repository: ${name}\n`).length !== 2) {
          throw new Error(`${file}: found no line, or several, "repository: ${name}". Adapt scripts/release-chart.ts.`);
        }
        named = named
          .replace(`repository: ${name}\n`, `repository: ${published}\n`)
          .replace(`"${name}"`, `"${published}"`);
      }
      return registry === null ? named : named.replaceAll('ghcr.io/OWNER', registry);
    });
  }
  edit(join(folder, 'Chart.yaml'), (text) => `${text.trimEnd()}\n${annotations(names, version)}`);
  return folder;
}

function edit(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

/** Continues the last section of Chart.yaml, its annotations. */
function annotations(names: readonly (readonly [string, string])[], version: string): string {
  const listed = names.flatMap(([, image]) => [
    `    - name: ${image.slice(image.lastIndexOf('/') + 1)}`,
    `      image: ${image}:${version}`,
  ]);
  return [
    `  artifacthub.io/prerelease: '${String(version.includes('-'))}'`,
    '  artifacthub.io/images: |',
    ...listed,
    '',
  ].join('\n');
}
