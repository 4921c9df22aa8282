/** What the chart's policy for DistillJobs refuses at the real API server, and what people then read. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { inputsName } from '../../../src/api/index.js';
import { type ControlPlane, startControlPlane, until } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { distillJobCrd } from '../../kit/cluster/paths.js';

const values = {
  'nats.url': 'nats://nats.nats:4222',
  'nats.existingSecret': 'nats',
  'templates.secrets[0]': 'data-*',
  'templates.images[0]': 'registry.example:5000/ml/*',
  'templates.images[1]': 'worker:1.0',
  'watchNamespaces[0]': 'team-a',
};
const policy = 'templates/admission-policy-jobs.yaml';

let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await startControlPlane();
  await cluster.installCrd(distillJobCrd);
  for (const name of ['team-a', 'team-b']) {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const text = await helm(['template', 'distillery', chartFolder, '-n', 'system', '-s', policy, ...sets(values)]);
  await cluster.kubectlOk(['apply', '-f', '-'], text);
  // A policy takes a moment to be in force.
  await until('the policy', async () =>
    (await answer(withStudent({ imagePullSecrets: [{ name: 'x' }] }))).includes('denied request'),
  );
});
afterAll(async () => {
  await cluster.stop();
});

interface Job {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly dataset: object; readonly student: Readonly<Record<string, object>> };
}
type Pod = Record<string, unknown>;

function withStudent(pod: Pod): Job {
  const job = someJob({ name: 'probe', namespace: 'team-a' }) as Job;
  return { ...job, spec: { ...job.spec, student: { ...job.spec.student, template: { spec: pod } } } };
}

function withTeacher(pod: Pod): Job {
  return someJob({
    name: 'probe',
    namespace: 'team-a',
    pools: [{ name: 'gpu' }, { name: 'two', template: { spec: pod } }],
  }) as Job;
}

/** `created`, or what kubectl prints. */
async function answer(job: Job): Promise<string> {
  const { code, stderr } = await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], {
    input: JSON.stringify(job),
  });
  return code === 0 ? 'created' : stderr;
}

const container = (fields: object): Pod => ({ containers: [{ name: 'worker', ...fields }] });
const uses: readonly (readonly [string, (secret: string) => Pod])[] = [
  ['a volume', (secretName) => ({ volumes: [{ name: 'a', secret: { secretName } }] })],
  ['a projected volume', (name) => ({ volumes: [{ name: 'a', projected: { sources: [{ secret: { name } }] } }] })],
  ['a pull secret', (name) => ({ imagePullSecrets: [{ name: 'data-a' }, { name }] })],
  ['a variable', (name) => container({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name, key: 'a' } } }] })],
  ['all variables', (name) => container({ envFrom: [{ secretRef: { name } }] })],
];

describe.each([
  ['a student', withStudent],
  ['a teacher', withTeacher],
])('%s', (_role, withPod) => {
  test.each(uses)('names by %s only Secrets of the list', async (_use, pod) => {
    expect(await answer(withPod(pod('data-reader')))).toBe('created');
    expect(await answer(withPod(pod('database')))).toMatch(
      /denied request: jobs may not name Secret database here\. Use data-\*, or ask the administrator of the operator to allow it\.$/m,
    );
  });

  test.each(uses)('names by %s no credentials of a job, also where the list would allow them', async (_use, pod) => {
    const name = inputsName('data-other', '6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11');
    for (const secret of [name, 'probe-distill']) {
      expect(await answer(withPod(pod(secret)))).toMatch(
        new RegExp(
          `denied request: a job may not name Secret ${secret}: each worker has the credentials of its own role, and no ` +
            'others of a job\\. Leave it out\\.$',
          'm',
        ),
      );
    }
  });

  test('runs only images of the list', async () => {
    for (const image of ['registry.example:5000/ml/own@sha256:0a', 'worker:1.0']) {
      expect(await answer(withPod(container({ image })))).toBe('created');
    }
    for (const image of ['registry-example:5000/ml/own', 'worker:1.0.1', 'evil/worker:1.0']) {
      expect(await answer(withPod(container({ image })))).toContain(
        `denied request: jobs may not run image ${image} here. Use registry.example:5000/ml/*, worker:1.0, or ask the ` +
          'administrator of the operator to allow it.',
      );
    }
  });
});

test('the Secrets of places are those of the list', async () => {
  const job = withStudent({});
  const secretRef = { name: 'database' };
  const { student } = job.spec;
  for (const spec of [
    { ...job.spec, dataset: { ...job.spec.dataset, uri: 's3://data/set', secretRef } },
    { ...job.spec, student: { ...student, output: { store: 's3://models/mnist', secretRef } } },
  ]) {
    expect(await answer({ ...job, spec })).toContain('jobs may not name Secret database here');
  }
});

test('a job of a namespace that this operator does not run is not its business', async () => {
  const job = withStudent(container({ image: 'anything' }));
  expect(await answer({ ...job, metadata: { ...job.metadata, namespace: 'team-b' } })).toBe('created');
});

test('a template that cannot be read is left to the operator, which refuses it with its place', async () => {
  expect(await answer(withStudent({ volumes: 'none' }))).toBe('created');
});

test('a job from before the setting keeps its finalizers and annotations, and its spec is judged when it changes', async () => {
  const job = withStudent(container({ image: 'old' }));
  const binding = 'validatingadmissionpolicybinding/system-distillery-jobs';
  const text = await cluster.kubectlOk(['get', binding, '-o', 'json']);
  await cluster.kubectlOk(['delete', binding]);
  await until(
    'the job',
    async () => (await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(job) })).code === 0,
  );
  const { apiVersion, kind, metadata, spec } = JSON.parse(text) as Record<string, { name: string }>;
  await cluster.apply({ apiVersion, kind, metadata: { name: metadata!.name }, spec });
  await until('the policy', async () =>
    (await answer({ ...job, metadata: { ...job.metadata, name: 'b' } })).includes('denied request'),
  );
  const patch = (change: object): ReturnType<ControlPlane['kubectl']> =>
    cluster.kubectl(['-n', 'team-a', 'patch', 'distilljob', 'probe', '--type=merge', '-p', JSON.stringify(change)]);
  expect(await patch({ metadata: { annotations: { a: 'b' }, finalizers: ['example.com/a'] } })).toMatchObject({
    code: 0,
  });
  expect((await patch({ spec: { weight: 2 } })).stderr).toContain('jobs may not run image old here');
  expect(await patch({ metadata: { finalizers: [] } })).toMatchObject({ code: 0 });
});
