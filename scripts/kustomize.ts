/**
 * Writes kustomize/base, the operator for people who install with Kustomize, from the chart: the chart's own templates, rendered
 * by the real helm with the values below, without what only helm reads. So nothing stands twice. With `--check` it writes
 * nothing and exits with 1 when the files differ. Needs `go` for helm; part of `make verify`.
 */
import { parseAllDocuments, stringify } from 'yaml';

import { chartFolder, helm, sets } from '../dist/test/kit/cluster/helm.js';
import { buildTools, helmTools } from '../dist/test/kit/cluster/tools.js';

import { writeGenerated } from './generated.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
}

const folder = 'kustomize/base';
const namespace = 'distillery-system';
/** What every installation has to say; an overlay says it for its own. */
const values = { 'nats.url': 'nats://nats.nats.svc:4222', 'nats.existingSecret': 'distillery-nats' };
const notice =
  '# Generated from charts/distillery by scripts/kustomize.ts; change the chart and run `npm run kustomize`.';

/** Kinds that the base has elsewhere: ../../crds. */
const elsewhere: readonly string[] = ['CustomResourceDefinition'];

async function rendered(): Promise<Manifest[]> {
  await buildTools({ groups: [helmTools] });
  const text = await helm(['template', 'distillery', chartFolder, '-n', namespace, '--skip-tests', ...sets(values)]);
  const objects = parseAllDocuments(text).map((one) => one.toJS() as Manifest | null);
  return objects.flatMap((one) => (one === null || isHelms(one) ? [] : [withoutHelm(one)]));
}

/** Hooks run in the life of a release, which Kustomize does not have. */
function isHelms({ kind, metadata }: Manifest): boolean {
  return elsewhere.includes(kind) || metadata.annotations?.['helm.sh/hook'] !== undefined;
}

/** Without the labels and annotations that say that helm manages the object, at every depth. */
function withoutHelm<T>(value: T): T {
  if (Array.isArray(value)) return value.map((one: unknown) => withoutHelm(one)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name, field]) => !name.startsWith('helm.sh/') && !(name === 'app.kubernetes.io/managed-by' && field === 'Helm'),
  );
  return Object.fromEntries(kept.map(([name, field]): [string, unknown] => [name, withoutHelm(field as unknown)])) as T;
}

const yaml = (objects: readonly object[]): string =>
  `${notice}\n${objects.map((one) => stringify(one, { lineWidth: 0, singleQuote: true })).join('---\n')}`;

async function files(): Promise<Map<string, string>> {
  const own = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  };
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: ['../../crds', 'distillery.yaml'],
  };
  return new Map([
    [`${folder}/kustomization.yaml`, yaml([kustomization])],
    [`${folder}/distillery.yaml`, yaml([own, ...(await rendered())])],
  ]);
}

await writeGenerated(await files(), 'npm run kustomize');
