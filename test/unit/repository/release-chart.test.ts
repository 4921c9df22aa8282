/** The chart that a release publishes names its own images. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterEach, expect, test } from '@jest/globals';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');
/** Scripts are no part of the build: Node runs them as they are. */
const program = `import { stageChart } from '${join(root, 'scripts/release-chart.ts')}';
process.stdout.write(stageChart(JSON.parse(process.argv[1])));`;
let folder = '';
afterEach(() => rmSync(dirname(folder), { recursive: true }));

interface Chart {
  readonly annotations: Readonly<Record<string, string>>;
}
interface Values {
  readonly image: { readonly repository: string };
  readonly worker: { readonly repository: string };
}

function staged(registry: string | null, version: string): { values: Values; chart: Chart; readme: string } {
  const options = JSON.stringify({ source: join(root, 'charts/distillery'), registry, version });
  folder = execFileSync(process.execPath, ['--input-type=module', '--eval', program, options], { encoding: 'utf8' });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return {
    values: parse(read('values.yaml')) as Values,
    chart: parse(read('Chart.yaml')) as Chart,
    readme: read('README.md'),
  };
}

test('a release names the images of its registry, in the values and for Artifact Hub', () => {
  const { values, chart, readme } = staged('ghcr.io/somebody', '1.2.3');
  expect(values.image.repository).toBe('ghcr.io/somebody/distillery-operator');
  expect(values.worker.repository).toBe('ghcr.io/somebody/distillery-worker');
  expect(parse(chart.annotations['artifacthub.io/images']!)).toEqual([
    { name: 'distillery-operator', image: 'ghcr.io/somebody/distillery-operator:1.2.3' },
    { name: 'distillery-worker', image: 'ghcr.io/somebody/distillery-worker:1.2.3' },
  ]);
  expect(chart.annotations['artifacthub.io/prerelease']).toBe('false');
  expect(readme).toContain('`"ghcr.io/somebody/distillery-worker"`');
  expect(readme).not.toContain('OWNER');
});

test('a try without a registry keeps them, and a version with a hyphen is a pre-release', () => {
  const { values, chart } = staged(null, '1.2.3-rc.1');
  expect(values.image.repository).toBe('distillery/operator');
  expect(chart.annotations['artifacthub.io/prerelease']).toBe('true');
});
