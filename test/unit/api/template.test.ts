/** The allowed fields of a pod template, and the messages for all others. */
import { describe, expect, test } from '@jest/globals';

import { templateProblems } from '../../../src/api/index.js';
import { JobMaker } from '../../kit/snapshots.js';

type Template = Record<string, unknown>;

function teacherProblems(template: Template): string[] {
  const { job } = new JobMaker().pools({ name: 'a' }, { name: 'b', template });
  return templateProblems(job).map(({ message }) => message.replace('spec.teacher.pools[1].template', '…'));
}

function studentProblems(template: Template): string[] {
  const { job } = new JobMaker().change(({ spec }) => (spec.student.template = template));
  return templateProblems(job).map(({ message }) => message.replaceAll('spec.student.template', '…'));
}

const worker = (fields: Template): Template => ({ spec: { containers: [{ name: 'worker', ...fields }] } });
const mounting = (mountPath: string): Template => ({
  spec: {
    volumes: [{ name: 'a', emptyDir: {} }],
    containers: [{ name: 'worker', volumeMounts: [{ name: 'a', mountPath }] }],
  },
});
const pod = (spec: Template): Template => ({ spec });

describe('a template', () => {
  test.each<[string, Template]>([
    ['nothing', {}],
    ['empty parts', { metadata: {}, spec: {} }],
    ['labels and annotations', { metadata: { labels: { team: 'a' }, annotations: { 'example.com/b': 'c' } } }],
    ['where it may run', pod({ nodeSelector: { a: 'b' }, affinity: {}, tolerations: [{ operator: 'Exists' }] })],
    ['how it spreads', pod({ topologySpreadConstraints: [{ maxSkew: 1 }], schedulerName: 'x', runtimeClassName: 'y' })],
    ['from where its image comes', pod({ imagePullSecrets: [{ name: 'registry' }] })],
    ['more time to end', pod({ terminationGracePeriodSeconds: 30 })],
    ['another image', worker({ image: 'x:1', imagePullPolicy: 'Always' })],
    ['memory and cores', worker({ resources: { requests: { cpu: 0.5, memory: '1.5Gi' }, limits: { memory: '2Gi' } } })],
    ['variables', worker({ env: [{ name: 'A', value: 'b' }], envFrom: [{ secretRef: { name: 's' } }] })],
    ['variables by the lot', worker({ envFrom: [{ prefix: 'APP_DISTILL_', configMapRef: { name: 'a' } }] })],
    ['a volume of its own', mounting('/data/a')],
    ['a folder whose name only begins as one of ours', mounting('/workshop')],
    ['a folder beside ours', mounting('/mnt/pvc2')],
  ])('may set %s', (_what, template) => {
    expect(teacherProblems(template)).toEqual([]);
    expect(studentProblems(template)).toEqual([]);
  });

  test.each<[Template, string]>([
    [
      { metdata: {} },
      '….metdata: found an empty object, but a job sets only metadata or spec here. Did you mean metadata?',
    ],
    [{ spec: null }, '….spec: found null, expected an object. Write its fields below it.'],
    [
      { metadata: { name: 'x' } },
      '….metadata.name: found "x", but a job sets only labels or annotations here. Leave it out.',
    ],
    [
      { metadata: { labels: { 'distillery.dev/job': 'other' } } },
      '….metadata.labels["distillery.dev/job"]: found "distillery.dev/job", but the operator or Kubernetes itself sets it. Choose another key.',
    ],
    [
      { metadata: { labels: { 'batch.kubernetes.io/job-name': 'x' } } },
      '….metadata.labels["batch.kubernetes.io/job-name"]: found "batch.kubernetes.io/job-name", but the operator or Kubernetes itself sets it. Choose another key.',
    ],
    [
      { metadata: { annotations: { 'sub.distillery.dev/x': 'y' } } },
      '….metadata.annotations["sub.distillery.dev/x"]: found "sub.distillery.dev/x", but the operator or Kubernetes itself sets it. Choose another key.',
    ],
    [
      { metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/worker': 'unconfined' } } },
      '….metadata.annotations["container.apparmor.security.beta.kubernetes.io/worker"]: found "container.apparmor.security.beta.kubernetes.io/worker", but every worker runs under the restricted Pod Security Standard. Leave it out.',
    ],
    [{ metadata: { labels: { a: 1 } } }, '….metadata.labels.a: found 1, expected a text. Put it in quotes: "1".'],
    [
      pod({ nodeSelector: ['a'] }),
      '….spec.nodeSelector: found a list of 1, expected an object. Write names and values below it.',
    ],
    [
      pod({ tolerations: { key: 'a' } }),
      '….spec.tolerations: found an object, expected a list. Write its entries below it, each with a dash.',
    ],
    [
      pod({ containers: [] }),
      '….spec.containers: found an empty list, expected exactly one container. Keep the one named worker.',
    ],
    [
      pod({ containers: [{ name: 'proxy' }] }),
      '….spec.containers[0].name: found "proxy", expected worker. Choose one of them.',
    ],
    [
      pod({ containers: [{ name: 'worker' }, { name: 'worker' }] }),
      '….spec.containers: found a list of 2, expected exactly one container. Keep the one named worker.',
    ],
    [
      pod({ containers: [{ image: 'x' }] }),
      '….spec.containers[0].name: found nothing, expected it to be there. Add name.',
    ],
    [
      worker({ imagePullPolicy: 'Sometimes' }),
      '….spec.containers[0].imagePullPolicy: found "Sometimes", expected Always, IfNotPresent or Never. Choose one of them.',
    ],
    [
      worker({ env: [{ name: 'DISTILL_POD', value: 'x' }] }),
      '….spec.containers[0].env[0].name: found "DISTILL_POD", but names that begin with DISTILL_ are the operator\'s. Choose another.',
    ],
    ...['DISTILL_', 'DISTILL_NATS_', 'DIST', 'D'].map((prefix): [Template, string] => [
      worker({ envFrom: [{ prefix, configMapRef: { name: 'a' } }] }),
      `….spec.containers[0].envFrom[0].prefix: found "${prefix}", but its variables could begin with DISTILL_, as the operator's do. Choose another, or none.`,
    ]),
    [
      worker({ env: [{ name: 'A', value: 1 }] }),
      '….spec.containers[0].env[0].value: found 1, expected a text. Put it in quotes: "1".',
    ],
    [
      worker({ resources: { requests: { memory: '1 GB' } } }),
      '….spec.containers[0].resources.requests.memory: found "1 GB", expected an amount such as 2, 500m or 1.5Gi. Write one.',
    ],
    [
      worker({ resources: { limits: { cpu: 0 } } }),
      '….spec.containers[0].resources.limits.cpu: found 0, expected more than 0 and at most 256 cores. Change it.',
    ],
    [
      worker({ resources: { requests: { cpu: 2 }, limits: { cpu: '1500m' } } }),
      '….spec.containers[0].resources.limits.cpu: found "1500m", expected at least the request of 2. Raise the limit or lower the request.',
    ],
    [
      worker({ resources: { claims: [{ name: 'gpu' }] } }),
      '….spec.containers[0].resources.claims[0].name: found "gpu", expected a claim of this template. Add it to ….spec.resourceClaims.',
    ],
    [
      pod({ resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'one' }] }),
      '….spec.resourceClaims[0].name: found "gpu", expected a claim that the container uses. Add it to ….spec.containers[0].resources.claims.',
    ],
    [
      mounting('/work/cache'),
      '….spec.containers[0].volumeMounts[0].mountPath: found "/work/cache", but the worker needs /work as it is. Choose another, such as /data.',
    ],
    [
      mounting('/mnt'),
      '….spec.containers[0].volumeMounts[0].mountPath: found "/mnt", but the worker needs /mnt/pvc as it is. Choose another, such as /data.',
    ],
    [
      mounting('/run'),
      '….spec.containers[0].volumeMounts[0].mountPath: found "/run", but the worker needs /run/distillery as it is. Choose another, such as /data.',
    ],
    ...['/', 'data', '/data/', '/a//b', '/a/../work', '/a:b'].map((path): [Template, string] => [
      mounting(path),
      `….spec.containers[0].volumeMounts[0].mountPath: found "${path}", expected an absolute path without ., .., : or a slash at its end. Write for example /data.`,
    ]),
    [
      worker({ volumeMounts: [{ name: 'a', mountPath: '/data' }] }),
      '….spec.containers[0].volumeMounts[0].name: found "a", expected a volume of this template. Add it to ….spec.volumes.',
    ],
    [
      worker({ volumeMounts: [{ name: 'distill-nats', mountPath: '/data' }] }),
      '….spec.containers[0].volumeMounts[0].name: found "distill-nats", but names that begin with distill- are the operator\'s. Choose another.',
    ],
    [
      pod({ volumes: [{ name: 'distill-nats', emptyDir: {} }] }),
      '….spec.volumes[0].name: found "distill-nats", but names that begin with distill- are the operator\'s. Choose another.',
    ],
    [
      pod({ volumes: [{ name: 'a', hostPath: { path: '/' } }] }),
      '….spec.volumes[0].hostPath: found an object, but a job sets only name, configMap, secret, emptyDir, persistentVolumeClaim, projected or ephemeral here. Use a persistentVolumeClaim, or ephemeral for a disk that lives as long as the pod.',
    ],
    [
      pod({ volumes: [{ name: 'a' }] }),
      '….spec.volumes[0]: found no source, expected one source. Give each volume one of configMap, secret, emptyDir, persistentVolumeClaim, projected or ephemeral.',
    ],
    [
      pod({ volumes: [{ name: 'a', emptyDir: {}, secret: {} }] }),
      '….spec.volumes[0]: found emptyDir and secret, expected one source. Give each volume one of configMap, secret, emptyDir, persistentVolumeClaim, projected or ephemeral.',
    ],
    [
      pod({ volumes: [{ name: 'a', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] }),
      '….spec.volumes[0].projected.sources[0].serviceAccountToken: found an object, but a job sets only configMap, secret or downwardAPI here. Leave it out: workers have no rights at the API server.',
    ],
  ])('is refused in these words: %j', (template, message) => {
    expect(studentProblems(template)).toEqual([message]);
    expect(teacherProblems(template)).toEqual([
      message.replaceAll('Add it to …', 'Add it to spec.teacher.pools[1].template'),
    ]);
  });

  test.each([
    'activeDeadlineSeconds',
    'automountServiceAccountToken',
    'dnsConfig',
    'ephemeralContainers',
    'hostAliases',
    'hostIPC',
    'hostNetwork',
    'hostPID',
    'hostUsers',
    'initContainers',
    'nodeName',
    'os',
    'overhead',
    'preemptionPolicy',
    'priority',
    'resources',
    'restartPolicy',
    'securityContext',
    'serviceAccountName',
    'shareProcessNamespace',
    'subdomain',
  ])('may not set %s of the pod', (field) => {
    const problems = [...studentProblems(pod({ [field]: {} })), ...teacherProblems(pod({ [field]: {} }))];
    expect(problems).toEqual([
      expect.stringMatching(new RegExp(`^…\\.spec\\.${field}: found .*\\. [A-Z]`)),
      expect.stringMatching(new RegExp(`^…\\.spec\\.${field}: found .*\\. [A-Z]`)),
    ]);
  });

  test.each(['args', 'command', 'lifecycle', 'livenessProbe', 'ports', 'securityContext', 'stdin', 'volumeDevices'])(
    'does not decide over %s of the container',
    (field) => {
      expect(studentProblems(worker({ [field]: {} }))).toEqual([
        expect.stringMatching(new RegExp(`^…\\.spec\\.containers\\[0\\]\\.${field}: found .*\\. [A-Z]`)),
      ]);
    },
  );

  test('of a student may name its priority, that of a teacher may not', () => {
    const template = pod({ priorityClassName: 'high' });
    expect(studentProblems(template)).toEqual([]);
    expect(teacherProblems(template)).toEqual([
      expect.stringMatching(/priorityClassName: found "high", .* the operator says at which priority teachers run\.$/),
    ]);
  });

  test('of a student may ask for devices, that of a teacher names them in its pool', () => {
    const template = worker({ resources: { limits: { 'nvidia.com/gpu': 1 } } });
    expect(studentProblems(template)).toEqual([]);
    expect(teacherProblems(template)).toEqual([
      '….spec.containers[0].resources.limits["nvidia.com/gpu"]: found "nvidia.com/gpu", but a teacher asks here for cpu, memory or ephemeral-storage. Name devices in the pool\'s resource instead.',
    ]);
    expect(studentProblems(worker({ resources: { limits: { 'hugepages-2Mi': '4Mi' } } }))).toHaveLength(1);
  });

  test('may give a worker more time to end, but not less than it needs', () => {
    expect(teacherProblems(pod({ terminationGracePeriodSeconds: 10 }))).toEqual([]);
    expect(teacherProblems(pod({ terminationGracePeriodSeconds: 9 }))).toEqual([
      '….spec.terminationGracePeriodSeconds: found 9, expected a whole number of at least 10, so that it gives back what it holds. Write 10 or more, or leave it out.',
    ]);
    expect(studentProblems(pod({ terminationGracePeriodSeconds: 10 }))).toEqual([
      '….spec.terminationGracePeriodSeconds: found 10, expected a whole number of at least 30, so that it writes a checkpoint. Write 30 or more, or leave it out.',
    ]);
  });

  test('reports all problems at once, each with its path', () => {
    const { job } = new JobMaker()
      .pools({ name: 'a', template: pod({ hostNetwork: true, hostPID: true }) }, { name: 'b', template: { x: 1 } })
      .change(({ spec }) => (spec.student.template = worker({ args: [] })));
    expect(templateProblems(job).map(({ path }) => path)).toEqual([
      'spec.teacher.pools[0].template.spec.hostNetwork',
      'spec.teacher.pools[0].template.spec.hostPID',
      'spec.teacher.pools[1].template.x',
      'spec.student.template.spec.containers[0].args',
    ]);
  });
});
