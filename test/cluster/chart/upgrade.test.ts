/**
 * An upgrade from the chart of the release before, with its CRD outside of the release and a job in the cluster. The job must not
 * notice. fixtures/ holds that chart; scripts/previous-chart.ts makes it.
 */
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { type ControlPlane, startControlPlane } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';

const namespace = 'distillery-system';
const previous = join(import.meta.dirname, 'fixtures/distillery-0.1.0.tgz');
const crd = 'distilljobs.distillery.dev';
// No pod can run here; test/cluster/real/chart.test.ts has some.
const values = sets({ 'nats.url': 'nats://nats.nats:4222', 'nats.existingSecret': 'nats', replicas: '0' });

let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await startControlPlane();
  await helm(['install', 'distillery', previous, '-n', namespace, '--create-namespace', ...values], cluster.kubeconfig);
  await cluster.servesCrds([crd]);
  await cluster.apply(someJob({ name: 'running' }));
});
afterAll(async () => {
  await cluster.stop();
});

interface Stored {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: object;
}

async function stored(kind: string, name: string): Promise<Stored> {
  return JSON.parse(await cluster.kubectlOk(['get', kind, name, '-o', 'json'])) as Stored;
}

/** Nothing was written. A newer CRD may add defaults, which the API server shows in objects that it stored before. */
function expectUnchanged(job: Stored, before: Stored): void {
  expect(job.metadata).toEqual(before.metadata);
  expect(job.spec).toMatchObject(before.spec);
}

const upgrade = (...more: string[]): Promise<string> =>
  helm(
    ['upgrade', 'distillery', chartFolder, '-n', namespace, '--reset-then-reuse-values', ...more],
    cluster.kubeconfig,
  );

describe('an upgrade from the release before', () => {
  test('without adoption changes nothing, and names the CRD', async () => {
    const before = await stored('crd', crd);
    await expect(upgrade()).rejects.toThrow(
      /CustomResourceDefinition "distilljobs\.distillery\.dev".*invalid ownership/s,
    );
    expect((await stored('crd', crd)).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  test('takes over the CRD in place, and the job does not notice', async () => {
    const [crdBefore, jobBefore] = [await stored('crd', crd), await stored('distilljob', 'running')];
    await upgrade('--take-ownership');
    const crdAfter = await stored('crd', crd);
    expect(crdAfter.metadata.uid).toBe(crdBefore.metadata.uid);
    expect(crdAfter.metadata.annotations).toMatchObject({
      'helm.sh/resource-policy': 'keep',
      'meta.helm.sh/release-name': 'distillery',
    });
    expectUnchanged(await stored('distilljob', 'running'), jobBefore);
  });

  test('needs no adoption afterwards', async () => {
    const before = await stored('distilljob', 'running');
    await upgrade('--set', 'logLevel=debug');
    expectUnchanged(await stored('distilljob', 'running'), before);
  });

  test('that leaves the CRD to another tool keeps it, and the job', async () => {
    await upgrade('--set', 'crds.install=false');
    expect((await stored('crd', crd)).metadata.deletionTimestamp).toBeUndefined();
    // The release still owns it by its annotations, so that it may come back.
    await upgrade('--set', 'crds.install=true');
    expect((await stored('distilljob', 'running')).metadata.deletionTimestamp).toBeUndefined();
  });
});

test('a removal keeps the CRD and the job, and a new release of the name finds both', async () => {
  const before = await stored('distilljob', 'running');
  await helm(['uninstall', 'distillery', '-n', namespace, '--wait'], cluster.kubeconfig);
  expectUnchanged(await stored('distilljob', 'running'), before);
  await helm(['install', 'distillery', chartFolder, '-n', namespace, ...values], cluster.kubeconfig);
  expectUnchanged(await stored('distilljob', 'running'), before);
});

describe('a second release', () => {
  const second = (...namespaces: readonly string[]): Promise<string> =>
    helm(
      ['install', 'distillery', chartFolder, '-n', 'two', '--create-namespace', '--dry-run=server', ...values].concat(
        sets({ 'crds.install': 'false', 'teacherPriorityClass.create': 'false' }),
        namespaces.length === 0 ? [] : ['--set', `watchNamespaces={${namespaces.join()}}`],
      ),
      cluster.kubeconfig,
    );
  const refusal = (found: string, watched: string, remedy: string): string =>
    `watchNamespaces: found ${found}, expected no namespace of another release; ` +
    `distillery-system/distillery watches ${watched} (ClusterRole distillery-system-distillery); ${remedy}`;

  test('is refused beside one that watches every namespace', async () => {
    const remedy = 'set watchNamespaces of that release first';
    await expect(second()).rejects.toThrow(refusal('every namespace', 'every namespace', remedy));
    await expect(second('team-c', 'team-d')).rejects.toThrow(refusal('team-c, team-d', 'every namespace', remedy));
  });

  test('is refused only the namespaces of the first one', async () => {
    await upgrade('--set', 'watchNamespaces={default,kube-public}');
    const [watched, remedy] = ['default, kube-public', 'list other namespaces'];
    await expect(second()).rejects.toThrow(refusal('every namespace', watched, remedy));
    await expect(second('team-c', 'default')).rejects.toThrow(refusal('default', watched, remedy));
    expect(await second('team-c')).toContain('team-c');
  });
});
