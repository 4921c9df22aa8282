/** docs/compatibility.md names as tested what the suites are pinned to. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { minimumNatsVersion } from '@distillery/protocol';
import { pinnedVersion } from '../../../src/stream/server/pins.js';

const root = join(import.meta.dirname, '../../..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

/** @returns oldest and tested versions of a row of the table */
function row(part: string): { readonly oldest: string; readonly tested: string[] } {
  const line = textOf('docs/compatibility.md')
    .split('\n')
    .find((text) => text.startsWith(`| ${part} `));
  const [, , oldest = '', tested = ''] = (line ?? '').split('|').map((cell) => cell.trim());
  return { oldest, tested: tested.split(', ') };
}

/** @returns the version that a go.mod pins, without the v */
function goPin(file: string, module: string): string | undefined {
  return textOf(file)
    .split('\n')
    .map((line) => line.trim().split(' '))
    .find(([name, version]) => name === module && version !== undefined)?.[1]
    ?.slice(1);
}

test('Node.js: that of npm test and that of the images', () => {
  const { devDependencies } = JSON.parse(textOf('package.json')) as { devDependencies: Record<string, string> };
  const [, image] = /^ARG BUILD_BASE=node:([\d.]+)/m.exec(textOf('Dockerfile')) ?? [];
  expect(row('Node.js').tested).toEqual([devDependencies.node, image]);
});

test('NATS: the oldest that is let in, that of the integration suites and that of the clusters', () => {
  const clusters = goPin('test/cluster/go.mod', 'github.com/nats-io/nats-server/v2');
  expect(row('NATS server')).toEqual({ oldest: minimumNatsVersion, tested: [pinnedVersion, clusters] });
});

test("Kubernetes: the chart's oldest, and that of the clusters", () => {
  const { kubeVersion } = parse(textOf('charts/distillery/Chart.yaml')) as { kubeVersion: string };
  const { oldest, tested } = row('Kubernetes');
  expect(kubeVersion).toBe(`>=${oldest}.0-0`);
  expect(tested).toEqual([goPin('test/cluster/go.mod', 'k8s.io/kubernetes')]);
});

test('Helm', () => {
  expect(row('Helm').tested).toEqual([goPin('test/cluster/helm/go.mod', 'helm.sh/helm/v4')]);
});
