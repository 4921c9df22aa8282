/** Properties of the rendered objects, one per test; golden/ has the complete objects. */
import { readdirSync, readFileSync } from 'node:fs';

import { workerExitCodes } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { labels } from '../../../src/api/index.js';
import {
  configMap,
  networkPolicy,
  podNeeds,
  secret,
  studentJob,
  teacherDeployment,
} from '../../../src/render/index.js';
import { JobMaker } from '../../kit/snapshots.js';
import { named, objectsOf, rendered, settings } from './jobs.js';

interface Container {
  env: { name: string; value?: string; valueFrom?: unknown }[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  [field: string]: unknown;
}
interface Pod {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: { containers: [Container]; volumes: Record<string, unknown>[]; [field: string]: unknown };
}
type Spec = Record<string, unknown> & { template: Pod };

const uid = '6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11';
const teacherSpec = (maker: JobMaker, replicas = 1): Spec =>
  teacherDeployment(maker.job, maker.job.spec.teacher.pools[0]!, replicas, settings).spec as Spec;
const studentSpec = (maker: JobMaker, suspended = false): Spec =>
  studentJob(maker.job, suspended, settings).spec as Spec;
const workerOf = (spec: Spec): Container => spec.template.spec.containers[0];
const requesting = (resources: unknown): { name: string; template: Record<string, unknown> } => ({
  name: 'a',
  template: { spec: { containers: [{ name: 'worker', resources }] } },
});

describe('every object', () => {
  test('belongs to the job: by its owner, its namespace and its labels', () => {
    for (const { metadata } of objectsOf(rendered(named('mnist')))) {
      expect(metadata).toMatchObject({
        namespace: 'team',
        labels: { [labels.job]: 'mnist', [labels.jobUid]: named('mnist').job.metadata.uid },
        ownerReferences: [{ kind: 'DistillJob', name: 'mnist', controller: true, blockOwnerDeletion: true }],
      });
    }
  });

  test('needs a job that an API server knows', () => {
    const { job } = new JobMaker().change(({ metadata }) => delete metadata.uid);
    expect(() => configMap(job)).toThrow('job mnist: it has no metadata.uid');
  });
});

describe('a pool of teachers', () => {
  test('keeps its pods when fields change that teachers do not depend on', () => {
    const before = teacherSpec(named('mnist'), 1);
    const after = teacherSpec(
      named('mnist').change(({ spec }) => {
        spec.weight = 9;
        spec.teacher.pools[0]!.minReplicas = 2;
        spec.teacher.pools[0]!.maxReplicas = 8;
        spec.ttlSecondsAfterFinished = 1;
        spec.backoffLimit = 1;
        spec.suspend = true;
      }),
      8,
    );
    expect(after).toEqual({ ...before, replicas: 8 });
  });

  test('selects its own pods and no others', () => {
    const { job } = named('mnist').pools({ name: 'a' }, { name: 'b' });
    const [a, b] = job.spec.teacher.pools.map((pool) => teacherDeployment(job, pool, 1, settings).spec as Spec);
    expect(a!.selector).not.toEqual(b!.selector);
    expect(a!.template.metadata.labels).toMatchObject((a!.selector as { matchLabels: object }).matchLabels);
  });

  test('never needs a slot more than it has to take up a new template', () => {
    expect(teacherSpec(named('mnist')).strategy).toMatchObject({ rollingUpdate: { maxSurge: 0 } });
  });

  test('requests its slots, with equal requests and limits, and no other device', () => {
    const pool = { name: 'a', resource: 'nvidia.com/gpu', slotsPerReplica: 2 };
    expect(workerOf(teacherSpec(named('mnist').pools(pool))).resources).toEqual({
      requests: { cpu: '1', memory: '512Mi', 'nvidia.com/gpu': '2' },
      limits: { memory: '2Gi', 'nvidia.com/gpu': '2' },
    });
  });

  test.each([
    [
      'a limit alone is the request, too',
      { limits: { memory: '256Mi' } },
      { cpu: '1', memory: '256Mi' },
      { memory: '256Mi' },
    ],
    [
      'a request above the usual limit lifts it',
      { requests: { memory: '8Gi' } },
      { cpu: '1', memory: '8Gi' },
      { memory: '8Gi' },
    ],
    [
      'a request below it leaves it',
      { requests: { cpu: 2, memory: '1Gi' } },
      { cpu: '2', memory: '1Gi' },
      { memory: '2Gi' },
    ],
    [
      'both stand as they are',
      { requests: { memory: '1Gi' }, limits: { memory: '3Gi', cpu: 4 } },
      { cpu: '4', memory: '1Gi' },
      { memory: '3Gi', cpu: '4' },
    ],
  ])('gets the resources that its job requests: %s', (_title, asked, requests, limits) => {
    expect(workerOf(teacherSpec(named('mnist').pools(requesting(asked)))).resources).toEqual({ requests, limits });
  });

  test('has its needs in the units in which slots are counted', () => {
    const tolerations = [{ key: 'nvidia.com/gpu', operator: 'Exists' }];
    const [pool] = new JobMaker().pools({
      ...requesting({ requests: { cpu: '1500m' }, limits: { 'ephemeral-storage': '1Gi' } }),
      resource: 'nvidia.com/gpu',
      slotsPerReplica: 4,
    }).job.spec.teacher.pools;
    Object.assign(pool!.template.spec as object, { tolerations, nodeSelector: { a: 'b' }, runtimeClassName: 'nvidia' });
    expect(podNeeds(pool!)).toEqual({
      // In thousandths, as the ledger counts them.
      requests: {
        cpu: 1_500,
        memory: 512 * 2 ** 20 * 1_000,
        'ephemeral-storage': 2 ** 30 * 1_000,
        'nvidia.com/gpu': 4_000,
      },
      nodeSelector: { a: 'b' },
      requiredTerms: null,
      tolerations,
    });
  });
});

describe('a student', () => {
  test('fails at once, counts or does not count, as its exit codes are documented', () => {
    interface Rule {
      action: string;
      onExitCodes?: { operator: string; values: number[] };
      onPodConditions?: unknown;
    }
    const { rules } = studentSpec(named('mnist')).podFailurePolicy as { rules: Rule[] };
    const actionOf = (code: number): string =>
      rules.find(({ onExitCodes }) => onExitCodes?.values.includes(code))?.action ?? 'Count';
    const { terminal, unreachable, fenced, stopped, error, storage } = workerExitCodes;
    expect(actionOf(terminal)).toBe('FailJob');
    for (const code of [unreachable, storage, fenced, stopped, 137]) expect(actionOf(code)).toBe('Ignore');
    for (const code of [error, 134, 139]) expect(actionOf(code)).toBe('Count');
    expect(rules.findIndex(({ onPodConditions }) => onPodConditions !== undefined)).toBe(1);
  });

  test('is suspended without any other change', () => {
    expect(studentSpec(named('mnist'), true)).toEqual({ ...studentSpec(named('mnist')), suspend: true });
  });

  test('may fail as often as its job allows', () => {
    expect(studentSpec(named('mnist').backoffLimit(0)).backoffLimit).toBe(0);
  });

  test('requests devices with limits, as the API server requires', () => {
    for (const kind of ['requests', 'limits']) {
      const maker = named('mnist').change(({ spec }) => {
        spec.student.template = requesting({ [kind]: { 'nvidia.com/gpu': 1 } }).template;
      });
      expect(workerOf(studentSpec(maker)).resources).toEqual({
        requests: { cpu: '1', memory: '1Gi', 'nvidia.com/gpu': '1' },
        limits: { memory: '4Gi', 'nvidia.com/gpu': '1' },
      });
    }
  });
});

describe('the places that a job names', () => {
  const places = named('places').change(({ spec }) => {
    spec.dataset.uri = 'pvc://data/mnist';
    spec.teacher.model.uri = 'pvc://teachers/t.onnx';
    spec.student.model.uri = 'configmap://students/s.json';
    spec.student.checkpoint.store = 'pvc://data/checkpoints/a';
    spec.student.output.store = 'pvc://out';
  });
  const foreign = (spec: Spec): unknown[] =>
    spec.template.spec.volumes.filter(({ persistentVolumeClaim, configMap }) => {
      const { name } = (configMap ?? {}) as { name?: string };
      return persistentVolumeClaim !== undefined || (configMap !== undefined && name !== `places-distill-${uid}`);
    });
  const mountsAt = (spec: Spec): unknown[] =>
    workerOf(spec).volumeMounts.filter(({ mountPath }) => mountPath.startsWith('/mnt/'));

  test('are in the manifest as the folders where they are mounted', () => {
    const { data } = configMap(places.job) as unknown as { data: Record<string, string> };
    expect(JSON.parse(data['manifest.json']!)).toMatchObject({
      dataset: { uri: 'file:///mnt/pvc/data/mnist' },
      teacher: { model: { uri: 'file:///mnt/pvc/teachers/t.onnx' } },
      student: {
        model: { uri: 'file:///mnt/configmap/students/s.json' },
        checkpoint: { store: 'file', folder: '/mnt/pvc-out/data/checkpoints/a' },
        output: { store: 'file', folder: '/mnt/pvc-out/out' },
      },
    });
  });

  test('are mounted read-only into teachers, and only those that teachers read', () => {
    expect(foreign(teacherSpec(places))).toEqual([
      { name: 'distill-pvc-0', persistentVolumeClaim: { claimName: 'data', readOnly: true } },
      { name: 'distill-pvc-1', persistentVolumeClaim: { claimName: 'teachers', readOnly: true } },
    ]);
    expect(mountsAt(teacherSpec(places))).toEqual([
      { name: 'distill-pvc-0', mountPath: '/mnt/pvc/data', readOnly: true },
      { name: 'distill-pvc-1', mountPath: '/mnt/pvc/teachers', readOnly: true },
    ]);
  });

  test('are written by the student alone; a claim that it also reads is one volume at two folders', () => {
    expect(foreign(studentSpec(places))).toEqual([
      { name: 'distill-pvc-0', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'distill-pvc-1', persistentVolumeClaim: { claimName: 'out' } },
      { name: 'distill-configmap-0', configMap: { name: 'students' } },
    ]);
    expect(mountsAt(studentSpec(places))).toEqual([
      { name: 'distill-pvc-0', mountPath: '/mnt/pvc/data', readOnly: true },
      { name: 'distill-pvc-0', mountPath: '/mnt/pvc-out/data' },
      { name: 'distill-pvc-1', mountPath: '/mnt/pvc-out/out' },
      { name: 'distill-configmap-0', mountPath: '/mnt/configmap/students', readOnly: true },
    ]);
  });
});

describe('the weights that a student starts from', () => {
  const started = (weights: string): JobMaker =>
    named('started').change(({ spec: { student } }) => {
      student.model.uri = 'preset://mlp';
      student.model.weights = { uri: weights };
      student.model.secretRef = { name: 'models-key' };
    });

  test('are mounted into the student alone', () => {
    const claim = started('pvc://former/model.json');
    const isClaim = ({ persistentVolumeClaim }: Pod['spec']['volumes'][0]): boolean =>
      (persistentVolumeClaim as { claimName?: string } | undefined)?.claimName === 'former';
    expect(studentSpec(claim).template.spec.volumes.filter(isClaim)).toHaveLength(1);
    expect(teacherSpec(claim).template.spec.volumes.filter(isClaim)).toEqual([]);
  });

  test('are fetched with the Secret of its model, also when the model is a preset', () => {
    const secrets = (spec: Spec): unknown[] =>
      spec.template.spec.volumes.flatMap(
        ({ secret }) => (secret as { secretName?: string } | undefined)?.secretName ?? [],
      );
    const remote = started('s3://models/former/model.json');
    expect(secrets(studentSpec(remote))).toContain('models-key');
    expect(secrets(teacherSpec(remote))).not.toContain('models-key');
  });
});

describe('the way to the streams', () => {
  test('is the key of one role, as a file that no other role mounts', () => {
    for (const [role, spec] of [
      ['teacher', teacherSpec(named('m'))],
      ['student', studentSpec(named('m'))],
    ] as const) {
      const volume = spec.template.spec.volumes.find(({ name }) => name === 'distill-nats');
      expect(volume?.secret).toMatchObject({ secretName: `m-distill-${uid}`, items: [{ key: `${role}.creds` }] });
    }
  });

  test('has the certificates of the Secret as files, when there are some', () => {
    const withTls = { ...settings, natsTls: ['ca', 'cert', 'key'] as const };
    const spec = studentJob(named('m').job, false, withTls).spec as Spec;
    const volume = spec.template.spec.volumes.find(({ name }) => name === 'distill-nats');
    const keys = ['student.creds', 'nats-ca.crt', 'nats-client.crt', 'nats-client.key'];
    expect(volume?.secret).toMatchObject({ items: keys.map((key) => ({ key, path: key })), defaultMode: 0o440 });
    const folder = '/var/run/distillery/nats';
    for (const [name, file] of [
      ['DISTILL_NATS_CA_FILE', 'nats-ca.crt'],
      ['DISTILL_NATS_CERT_FILE', 'nats-client.crt'],
      ['DISTILL_NATS_KEY_FILE', 'nats-client.key'],
    ]) {
      expect(workerOf(spec).env).toContainEqual({ name, value: `${folder}/${file ?? ''}` });
    }
  });

  test('is a user and a password where NATS authenticates by password', () => {
    const withUsers = { ...settings, natsUsers: { teacher: 't', student: 's' } };
    const spec = studentJob(named('m').job, false, withUsers).spec as Spec;
    expect(workerOf(spec).env).toContainEqual({ name: 'DISTILL_NATS_USER', value: 's' });
    expect(workerOf(spec).env.map(({ name }) => name)).not.toContain('DISTILL_NATS_CREDS_FILE');
    const access = { kind: 'password', url: '', user: 's', password: 'wörd' } as const;
    const { data } = secret(named('m').job, { teacher: access, student: access, reader: access }) as unknown as {
      data: Record<string, string>;
    };
    expect(Object.keys(data)).toEqual(
      expect.arrayContaining(['url', 'teacher.password', 'student.password', 'reader.password']),
    );
    expect(Buffer.from(data['student.password']!, 'base64').toString()).toBe('wörd');
  });

  test.each([
    ['nats://nats.example', [{ ports: [{ protocol: 'TCP', port: 4222 }] }]],
    ['nats.example:4333', [{ ports: [{ protocol: 'TCP', port: 4333 }] }]],
    [
      'nats://a:1,nats://b:1,tls://c:2',
      [{ ports: [{ protocol: 'TCP', port: 1 }] }, { ports: [{ protocol: 'TCP', port: 2 }] }],
    ],
    [
      'nats://10.0.0.7:4222',
      [{ ports: [{ protocol: 'TCP', port: 4222 }], to: [{ ipBlock: { cidr: '10.0.0.7/32' } }] }],
    ],
    [
      'tls://[2001:db8::1]:4222',
      [{ ports: [{ protocol: 'TCP', port: 4222 }], to: [{ ipBlock: { cidr: '2001:db8::1/128' } }] }],
    ],
    ['TLS://10.0.0.7/', [{ ports: [{ protocol: 'TCP', port: 4222 }], to: [{ ipBlock: { cidr: '10.0.0.7/32' } }] }]],
  ])('is open to %s, and to the name service', (natsUrl, want) => {
    const { spec } = networkPolicy(named('m').job, { ...settings, natsUrl }) as unknown as {
      spec: { egress: unknown[] };
    };
    expect(spec.egress.slice(0, -1)).toEqual(want);
    expect(spec.egress.at(-1)).toEqual({
      ports: [
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: 53 },
      ],
    });
  });

  test.each([
    ['http://otel:4318', { ports: [{ protocol: 'TCP', port: 4318 }] }],
    ['https://otel.example/base', { ports: [{ protocol: 'TCP', port: 443 }] }],
    ['http://10.0.0.9', { ports: [{ protocol: 'TCP', port: 80 }], to: [{ ipBlock: { cidr: '10.0.0.9/32' } }] }],
    [
      'http://[2001:db8::2]:4318',
      { ports: [{ protocol: 'TCP', port: 4318 }], to: [{ ipBlock: { cidr: '2001:db8::2/128' } }] },
    ],
    [
      'http://otel.observability.svc.cluster.local:4318',
      {
        ports: [{ protocol: 'TCP', port: 4318 }],
        to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'observability' } } }],
      },
    ],
  ])('is open to the collector %s, and its pods know it', (endpoint, want) => {
    const traced = { ...settings, tracing: { endpoint, ratio: 0.25 } };
    const { spec } = networkPolicy(named('m').job, traced) as unknown as { spec: { egress: unknown[] } };
    expect(spec.egress.at(-1)).toEqual(want);
    const { env } = workerOf(studentJob(named('m').job, false, traced).spec as Spec);
    expect(env).toEqual(
      expect.arrayContaining([
        { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: endpoint },
        { name: 'OTEL_TRACES_SAMPLER_ARG', value: '0.25' },
      ]),
    );
  });
});

describe('a template', () => {
  const asked = {
    metadata: { labels: { team: 'a' }, annotations: { note: 'b' } },
    spec: {
      tolerations: [{ operator: 'Exists' }],
      terminationGracePeriodSeconds: 90,
      volumes: [{ name: 'cache', emptyDir: {} }],
      containers: [
        {
          name: 'worker',
          image: 'mine:1',
          env: [{ name: 'A', value: 'b' }],
          volumeMounts: [{ name: 'cache', mountPath: '/cache' }],
        },
      ],
    },
  };
  const plain = studentSpec(named('m')).template;
  const laid = studentSpec(named('m').change(({ spec }) => (spec.student.template = asked))).template;

  test("adds to the operator's fields, entry by entry", () => {
    expect(laid.metadata).toEqual({
      labels: { team: 'a', ...plain.metadata.labels },
      annotations: { note: 'b', ...plain.metadata.annotations },
    });
    expect(laid.spec.volumes).toEqual([...plain.spec.volumes, ...asked.spec.volumes]);
    const [before, after] = [plain.spec.containers[0], laid.spec.containers[0]];
    expect(after.env).toEqual([...before.env, { name: 'A', value: 'b' }]);
    expect(after.volumeMounts).toEqual([...before.volumeMounts, { name: 'cache', mountPath: '/cache' }]);
  });

  test('that names no image gets the one for what it requests: an accelerator, or none', () => {
    const { cpu, gpu, studentGpu } = settings.images;
    const ofTeacher = (pool: { resource?: string }): unknown =>
      workerOf(teacherSpec(named('m').pools({ name: 'a', ...pool }))).image;
    expect(ofTeacher({})).toBe(cpu);
    expect(ofTeacher({ resource: 'nvidia.com/gpu' })).toBe(gpu);
    expect(ofTeacher({ resource: 'nvidia.com/mig-1g.5gb' })).toBe(gpu);
    expect(ofTeacher({ resource: 'example.com/dongle' })).toBe(cpu);
    const ofStudent = (limits: Record<string, number>): unknown =>
      workerOf(studentSpec(named('m').change(({ spec }) => (spec.student.template = requesting({ limits }).template))))
        .image;
    expect(ofStudent({ cpu: 8 })).toBe(cpu);
    expect(ofStudent({ 'nvidia.com/gpu': 0 })).toBe(cpu);
    expect(ofStudent({ 'nvidia.com/gpu': 1 })).toBe(studentGpu);
  });

  test('sets the image, the time to end and where the pod may run', () => {
    expect(laid.spec).toMatchObject({ terminationGracePeriodSeconds: 90, tolerations: [{ operator: 'Exists' }] });
    expect(laid.spec.containers[0].image).toBe('mine:1');
  });

  test("without a prior check still leaves the operator's fields unchanged", () => {
    const hostile = {
      metadata: { labels: { 'distillery.dev/job': 'other' }, annotations: {}, name: 'x' },
      spec: {
        hostNetwork: true,
        securityContext: {},
        serviceAccountName: 'admin',
        initContainers: [{ name: 'x', image: 'y' }],
        volumes: [{ name: 'distill-nats', hostPath: { path: '/' } }],
        containers: [
          {
            name: 'worker',
            command: ['sh'],
            securityContext: { privileged: true },
            env: [{ name: 'DISTILL_POD', value: 'x' }],
            volumeMounts: [{ name: 'x', mountPath: '/work' }],
          },
          { name: 'second' },
        ],
      },
    };
    expect(studentSpec(named('m').change(({ spec }) => (spec.student.template = hostile))).template).toEqual(plain);
  });
});

describe('variables of a template by envFrom', () => {
  const template = { spec: { containers: [{ name: 'worker', envFrom: [{ configMapRef: { name: 'theirs' } }] }] } };
  const lots = named('lots')
    .pools({ name: 'a', template })
    .change(({ spec }) => (spec.student.template = template));

  test('never stand for one that a worker reads: each is set by name, which wins', () => {
    const rooms = ['base', 'process'].map((room) => new URL(`../../../workers/${room}/`, import.meta.url));
    const sources = rooms.flatMap((room) => readdirSync(room).map((file) => readFileSync(new URL(file, room), 'utf8')));
    const read = new Set(sources.flatMap((source) => source.match(/\bDISTILL_[A-Z_]*[A-Z]\b/g) ?? []));
    expect(read.size).toBeGreaterThan(10);
    for (const spec of [teacherSpec(lots), studentSpec(lots)]) {
      const names = workerOf(spec).env.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining([...read]));
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test('do not change the values that a worker uses', () => {
    const own = Object.fromEntries(workerOf(teacherSpec(named('m'))).env.map(({ name, value }) => [name, value]));
    for (const { name, value } of workerOf(teacherSpec(lots)).env) {
      if (Object.hasOwn(own, name) && name !== 'DISTILL_POOL') expect([name, value]).toEqual([name, own[name]]);
    }
    const said = { DISTILL_RUNTIME: 'auto', DISTILL_LOG_LEVEL: 'info', DISTILL_OWNER_PIPE: '0', DISTILL_NATS_USER: '' };
    const env = Object.fromEntries(workerOf(teacherSpec(lots)).env.map(({ name, value }) => [name, value]));
    expect(env).toMatchObject(said);
  });
});
