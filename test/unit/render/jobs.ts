/** Jobs whose objects are in golden/: each covers one aspect of rendering. */
import type { NatsAccess, WorkerRole } from '@distillery/protocol';

import type { DistillJob } from '../../../src/api/index.js';
import { defaultAccelerators } from '../../../src/domain/index.js';
import {
  configMap,
  type KubernetesObject,
  networkPolicy,
  secret,
  serviceAccount,
  studentJob,
  teacherDeployment,
  type WorkerSettings,
} from '../../../src/render/index.js';
import { JobMaker } from '../../kit/snapshots.js';

export const settings: WorkerSettings = {
  images: {
    cpu: 'registry.example/distillery/worker:0.1.0',
    gpu: 'registry.example/distillery/worker-gpu:0.1.0',
    studentGpu: 'registry.example/distillery/student-gpu:0.1.0',
  },
  accelerators: defaultAccelerators,
  imagePullPolicy: 'IfNotPresent',
  teacherPriorityClass: 'distillery-teacher',
  cacheGib: 50,
  bucketPorts: [443, 9_000],
  natsUrl: 'nats://nats.distillery.svc:4222',
};

export interface Rendered {
  readonly job: DistillJob;
  readonly settings: WorkerSettings;
  readonly access: Readonly<Record<WorkerRole, NatsAccess>>;
  readonly replicas: number;
  readonly suspended: boolean;
}

const url = settings.natsUrl;
const creds = (role: WorkerRole): NatsAccess => ({ kind: 'creds', url, creds: `creds of the ${role}\n` });
const password = (role: WorkerRole): NatsAccess => ({ kind: 'password', url, user: role, password: `word of ${role}` });

export function rendered(maker: JobMaker, changes: Partial<Omit<Rendered, 'job'>> = {}): Rendered {
  const access = { teacher: creds('teacher'), student: creds('student'), reader: creds('reader') };
  return { job: maker.job, settings, access, replicas: 2, suspended: false, ...changes };
}

export function named(name: string): JobMaker {
  return new JobMaker().change(({ metadata }) => {
    metadata.name = name;
    metadata.namespace = 'team';
    metadata.uid = '6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11';
  });
}

/** All objects that the operator applies for a job. */
export function objectsOf({ job, settings, access, replicas, suspended }: Rendered): readonly KubernetesObject[] {
  return [
    serviceAccount(job),
    configMap(job),
    secret(job, access),
    networkPolicy(job, settings),
    ...job.spec.teacher.pools.map((pool) => teacherDeployment(job, pool, replicas, settings)),
    studentJob(job, suspended, settings),
  ];
}

const everythingAllowed = {
  metadata: { labels: { team: 'vision' }, annotations: { 'example.com/note': 'any text' } },
  spec: {
    nodeSelector: { 'node.example/disk': 'fast' },
    tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'training', effect: 'NoSchedule' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }] }],
        },
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { 'distillery.dev/job': 'templates' } },
      },
    ],
    imagePullSecrets: [{ name: 'registry' }],
    runtimeClassName: 'sandboxed',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 60,
    volumes: [
      { name: 'extra', configMap: { name: 'extra' } },
      { name: 'keys', secret: { secretName: 'keys', optional: true } },
      { name: 'cache', emptyDir: { sizeLimit: '2Gi' } },
      { name: 'shared', persistentVolumeClaim: { claimName: 'shared', readOnly: true } },
      { name: 'mixed', projected: { sources: [{ configMap: { name: 'extra' } }, { secret: { name: 'keys' } }] } },
      {
        name: 'disk',
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
          },
        },
      },
    ],
    containers: [
      {
        name: 'worker',
        image: 'registry.example/team/worker:7',
        imagePullPolicy: 'Always',
        resources: { requests: { cpu: 1.5, memory: '6Gi' }, limits: { 'ephemeral-storage': '4Gi' } },
        env: [
          { name: 'OMP_NUM_THREADS', value: '1' },
          { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token', optional: true } } },
        ],
        envFrom: [{ configMapRef: { name: 'extra', optional: true } }],
        volumeMounts: [
          { name: 'cache', mountPath: '/cache' },
          { name: 'shared', mountPath: '/mnt/shared', readOnly: true, subPath: 'a/b' },
        ],
      },
    ],
  },
};

export const goldenJobs: Readonly<Record<string, Rendered>> = {
  plain: rendered(named('mnist')),

  'longest-names': rendered(
    named('the-longest-name-that-the-api-takes-is-sixty-three-letters-long').pools(
      { name: 'a-pool-whose-name-has-forty-characters-1' },
      { name: 'a-pool-whose-name-has-forty-characters-2' },
    ),
    { replicas: 0 },
  ),

  gpus: rendered(
    named('on-gpus')
      .pools(
        {
          name: 'spot-t4',
          resource: 'nvidia.com/gpu',
          slotsPerReplica: 2,
          template: {
            spec: {
              nodeSelector: { 'node.example/accelerator': 't4' },
              tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
            },
          },
        },
        { name: 'cpu' },
      )
      .change(({ spec }) => {
        spec.student.template = {
          spec: { containers: [{ name: 'worker', resources: { limits: { 'nvidia.com/gpu': 1, cpu: '8' } } }] },
        };
      }),
  ),

  places: rendered(
    named('places').change(({ spec }) => {
      spec.dataset.uri = 'pvc://datasets/mnist/';
      spec.teacher.model.uri = 'configmap://models/teacher.onnx';
      spec.student.model.uri = 'pvc://datasets/models/student.json';
      spec.student.checkpoint.store = 'pvc://datasets/checkpoints';
      spec.student.output.store = 'pvc://models.v2';
    }),
    {
      access: { teacher: password('teacher'), student: password('student'), reader: password('reader') },
      settings: {
        ...settings,
        natsUrl: 'nats://10.1.2.3:4222,tls://[2001:db8::7]:4333,nats.example,nats://nats-2.example:4222',
        natsUsers: { teacher: 'distill-teacher', student: 'distill-student' },
      },
      suspended: true,
    },
  ),

  'remote-places': rendered(
    named('remote').change(({ spec }) => {
      spec.dataset.uri = 's3://sets/mnist';
      spec.dataset.secretRef = { name: 'bucket' };
      spec.teacher.model.uri = `https://models.example:8443/teacher.onnx#sha256=${'0a'.repeat(32)}`;
      spec.teacher.model.secretRef = { name: 'models' };
      spec.student.model.uri = 's3://sets/student.json';
      spec.student.model.secretRef = { name: 'bucket' };
    }),
  ),

  'bucket-stores': rendered(
    named('stores').change(({ spec }) => {
      spec.student.checkpoint.store = 's3://runs/checkpoints';
      spec.student.checkpoint.secretRef = { name: 'runs' };
      spec.student.output.store = 's3://models/mnist';
      spec.student.output.secretRef = { name: 'models' };
    }),
  ),

  ensemble: rendered(
    named('ensemble').change(({ spec }) => {
      spec.teacher.model.uri = 'https://models.example/teacher.onnx';
      spec.teacher.model.secretRef = { name: 'models' };
      const member = { weight: 1, input: {}, output: {} };
      const file = { format: 'onnx', timeoutSeconds: 300 } as const;
      spec.teacher.ensemble = {
        weight: 2,
        members: [
          { ...member, name: 'b', model: { ...file, uri: 'https://others.example:8443/b.onnx' } },
          {
            ...member,
            name: 'c',
            model: { ...file, uri: 'pvc://models/c/model.json', format: 'tfjs-graph' },
            tokenizer: { uri: 'configmap://words/tokenizer.json', maxTokens: 64 },
            output: { columns: [1, 0] },
          },
        ],
      };
    }),
  ),

  templates: rendered(
    named('templates')
      .pools({ name: 'cpu', template: everythingAllowed })
      .change(({ spec }) => {
        spec.student.template = {
          ...everythingAllowed,
          spec: { ...everythingAllowed.spec, priorityClassName: 'training' },
        };
      })
      .backoffLimit(0),
  ),
};
