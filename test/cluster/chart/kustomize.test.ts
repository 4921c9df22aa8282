/**
 * kustomize/base and the example over it, built by the real kustomize (the one in kubectl) and applied to the real API server.
 * That the base is what the chart renders is checked by `make verify`.
 */
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

import { type ControlPlane, startControlPlane } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { repositoryRoot } from '../../kit/cluster/paths.js';

interface Found {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: object };
}
interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

const folder = (name: string): string => join(repositoryRoot, 'kustomize', name);
const objectsIn = (text: string): Found[] =>
  parseAllDocuments(text).flatMap((one) => (one.toJS() as Found | null) ?? []);
const names = (objects: readonly Found[]): string[] =>
  objects.map(({ kind, metadata: { name, namespace = '' } }) => `${kind} ${namespace}/${name}`).toSorted();

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane();
});
afterAll(async () => {
  await cluster.stop();
});

describe('kustomize', () => {
  test('builds the objects of the chart, with the CRD and the namespace, and nothing of helm', async () => {
    const built = await cluster.kubectlOk(['kustomize', folder('base')]);
    const values = { 'nats.url': 'nats://nats.nats.svc:4222', 'nats.existingSecret': 'distillery-nats' };
    const chart = objectsIn(
      await helm(['template', 'distillery', chartFolder, '-n', 'distillery-system', '--skip-tests', ...sets(values)]),
    ).filter(
      ({ kind, metadata }) => kind !== 'CustomResourceDefinition' && !JSON.stringify(metadata).includes('helm.sh/hook'),
    );
    expect(names(objectsIn(built))).toEqual(
      [
        ...names(chart),
        'CustomResourceDefinition /distilljobs.distillery.dev',
        'Namespace /distillery-system',
      ].toSorted(),
    );
    expect(built).not.toMatch(/helm\.sh|managed-by: Helm/);
  });

  test('lets an overlay set the images and the address of NATS', async () => {
    const built = await cluster.kubectlOk(['kustomize', folder('example')]);
    const [deployment] = objectsIn(built).filter(({ kind }) => kind === 'Deployment') as unknown as {
      readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
    }[];
    const [operator] = deployment!.spec.template.spec.containers;
    expect(operator!.image).toBe('registry.example/distillery-operator:0.1.0');
    const variable = (name: string) => operator!.env.filter((one) => one.name === name).map(({ value }) => value);
    expect(variable('DISTILLERY_NATS_URL')).toEqual(['nats://nats.messaging.svc:4222']);
    expect(variable('DISTILLERY_WORKER_IMAGE')).toEqual(['registry.example/distillery-worker:0.1.0']);
    // The patch adds to the chart's variables and loses none.
    expect(variable('DISTILLERY_NAMESPACE')).toHaveLength(1);
  });

  test('is taken by the API server, and jobs can be applied afterwards', async () => {
    const applied = await cluster.kubectlOk(['apply', '--server-side', '-k', folder('example')]);
    expect(applied).toContain('deployment.apps/distillery serverside-applied');
    await cluster.servesCrds(['distilljobs.distillery.dev']);
    await cluster.apply(someJob());
    // Applied again, it changes nothing that its reader would see.
    expect(await cluster.kubectlOk(['apply', '--server-side', '-k', folder('example')])).not.toContain('conflict');
  });
});
