/**
 * Malformed jobs that only a cluster can refuse: those that a local run would accept, those outside of the restricted
 * standard, and those that only the API server checks. Every engine refuses the ones of malformed-jobs.ts.
 */
import type { Change } from './jobs.js';

type Case = readonly [title: string, ...changes: Change[]];

const pool = (template: object, more: object = {}): Change => [
  'spec.teacher.pools',
  [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 2, template, ...more }],
];
const teacherPod = (spec: object): Change => pool({ spec });
const teacherContainer = (fields: object): Change => teacherPod({ containers: [{ name: 'worker', ...fields }] });
const studentPod = (spec: object): Change => ['spec.student.template', { spec }];
const studentContainer = (fields: object): Change => studentPod({ containers: [{ name: 'worker', ...fields }] });

/** Valid by the schema; this version cannot run them in a cluster. */
export const unsupportedJobs: readonly Case[] = [
  ['a data set in a folder of the web', ['spec.dataset.uri', 'https://example.com/mnist/']],
  ['a data set beside a job file', ['spec.dataset.uri', 'file://data/mnist']],
  ['a teacher beside a job file', ['spec.teacher.model.uri', 'file://models/teacher.onnx']],
  ['a student beside a job file', ['spec.student.model.uri', 'file://./student.json']],
  ['samples that travel in the work items', ['spec.dataset.delivery', 'Inline']],
  ['steps in any order', ['spec.training.order', 'Relaxed']],
  ['logits that are used again', ['spec.logits.reuse', 'AcrossEpochs'], ['spec.training.epochs', 2]],
  ['logits of another job', ['spec.logits.from', { job: 'other' }]],
  ["checkpoints on the pod's disk", ['spec.student.checkpoint.store', 'file']],
  ["the model on the pod's disk", ['spec.student.output.store', 'file']],
];

/** Templates outside of the restricted standard, or with changes of what workers rely on. */
export const refusedTemplates: readonly Case[] = [
  ['a volume of the host', teacherPod({ volumes: [{ name: 'host', hostPath: { path: '/' } }] })],
  ['a volume of a driver', teacherPod({ volumes: [{ name: 'disk', csi: { driver: 'disk.example.com' } }] })],
  ['a volume without a source', teacherPod({ volumes: [{ name: 'nothing' }] })],
  [
    "a volume with the API server's token",
    teacherPod({ volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] }),
  ],
  ['a privileged container', teacherContainer({ securityContext: { privileged: true } })],
  ['a container that runs as root', studentContainer({ securityContext: { runAsUser: 0 } })],
  ['a pod that runs as root', studentPod({ securityContext: { runAsNonRoot: false } })],
  ["the host's network", teacherPod({ hostNetwork: true })],
  ["the host's processes", studentPod({ hostPID: true })],
  ['a ServiceAccount', teacherPod({ serviceAccountName: 'admin' })],
  ["the API server's token", studentPod({ automountServiceAccountToken: true })],
  ['a second container', teacherPod({ containers: [{ name: 'worker' }, { name: 'sidecar', image: 'sidecar' }] })],
  ['a container of another name', teacherPod({ containers: [{ name: 'main' }] })],
  ['an init container', studentPod({ initContainers: [{ name: 'init', image: 'init' }] })],
  ['another command', teacherContainer({ command: ['sh'] })],
  ["a variable of the protocol's", teacherContainer({ env: [{ name: 'DISTILL_NATS_URL', value: 'nats://other' }] })],
  ["a label of the operator's", pool({ metadata: { labels: { 'distillery.dev/job-uid': 'other' } } })],
  [
    'a profile in an annotation',
    pool({
      metadata: { annotations: { 'container.apparmor.security.beta.kubernetes.io/worker': 'unconfined' } },
    }),
  ],
  ['another network', pool({ metadata: { annotations: { 'k8s.v1.cni.cncf.io/networks': 'storage' } } })],
  ["a cloud's role", ['spec.student.template', { metadata: { annotations: { 'iam.amazonaws.com/role': 'admin' } } }]],
  ["a student's priority above all", studentPod({ priorityClassName: 'system-node-critical' })],
  [
    'the credentials of another role',
    teacherPod({
      volumes: [{ name: 'a', secret: { secretName: 'mnist-distill-6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11' } }],
    }),
  ],
  [
    "variables of the protocol's by the lot",
    studentContainer({ envFrom: [{ prefix: 'DISTILL_', configMapRef: { name: 'other' } }] }),
  ],
  ['a node by name', teacherPod({ nodeName: 'node-0' })],
  ["a teacher's own priority", teacherPod({ priorityClassName: 'system-node-critical' })],
  ['a device beside the resource of the pool', teacherContainer({ resources: { limits: { 'amd.com/gpu': 1 } } })],
  ['no processor', studentContainer({ resources: { requests: { cpu: 0 } } })],
  ['more processors than a worker can use', studentContainer({ resources: { requests: { cpu: 257 } } })],
  [
    'a limit below its request',
    studentContainer({ resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } }),
  ],
  ['an invalid amount of memory', studentContainer({ resources: { requests: { memory: 'lots' } } })],
  [
    'a mount over the code of the worker',
    studentPod({
      volumes: [{ name: 'code', emptyDir: {} }],
      containers: [{ name: 'worker', volumeMounts: [{ name: 'code', mountPath: '/app' }] }],
    }),
  ],
  ['a mount of nothing', studentContainer({ volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
  ['no time to end', teacherPod({ terminationGracePeriodSeconds: 0 })],
  ['a misspelled field of a pod', teacherPod({ nodeselector: { zone: 'a' } })],
  ['a list where a pod should be', ['spec.student.template', { spec: [] }]],
];

/** Values that only the API server recognizes as wrong, in the objects that the operator makes. */
export const clusterRefusals: readonly Case[] = [
  ['an unknown operator of a toleration', teacherPod({ tolerations: [{ key: 'gpu', operator: 'Sometimes' }] })],
  ['a toleration that is text', teacherPod({ tolerations: [{ key: 7 }] })],
  [
    'seconds of a toleration that does not evict',
    studentPod({ tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 5 }] }),
  ],
  ['a label value with spaces', pool({ metadata: { labels: { team: 'of the best' } } })],
  ['a label key with spaces', ['spec.student.template', { metadata: { labels: { 'the team': 'best' } } }]],
  ['an annotation key with spaces', pool({ metadata: { annotations: { 'the team': 'best' } } })],
  ['a node label that cannot be', studentPod({ nodeSelector: { 'a/b/c': 'x' } })],
  [
    'an unknown operator of an affinity',
    studentPod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'Near' }] }],
          },
        },
      },
    }),
  ],
  ['a misspelled affinity', studentPod({ affinity: { nodeafinity: {} } })],
  [
    'pods spread by nothing',
    teacherPod({
      topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
    }),
  ],
  ['a volume in capitals', studentPod({ volumes: [{ name: 'Data', emptyDir: {} }] })],
  ['a volume twice', studentPod({ volumes: ['data', 'data'].map((name) => ({ name, emptyDir: {} })) })],
  ['an invalid size of a disk', studentPod({ volumes: [{ name: 'data', emptyDir: { sizeLimit: 'big' } }] })],
  ['a variable from nowhere', studentContainer({ env: [{ name: 'TOKEN', valueFrom: {} }] })],
  ['a variable with two values', teacherContainer({ env: [{ name: 'A', value: 'b', valueFrom: { fieldRef: {} } }] })],
  ['a runtime class in capitals', studentPod({ runtimeClassName: 'GPU' })],
  ['a resource name of two slashes', pool({}, { resource: 'nvidia.com/gpu/mig' })],
];

/** Values that nothing checks before a pod is created: the job is accepted, and a condition reports the error. */
export const refusedPods: readonly Case[] = [
  ['an image with a space for teachers', teacherContainer({ image: ' worker' })],
  ['an image with a space for the student', studentContainer({ image: ' worker' })],
  ['a runtime class that is not there', teacherPod({ runtimeClassName: 'gpu' })],
  ['a priority class that is not there', studentPod({ priorityClassName: 'urgent' })],
  ['a node label that no node has', studentPod({ nodeSelector: { zone: 'nowhere' } })],
  ['a claim that is not there', ['spec.dataset.uri', 'pvc://nowhere/mnist']],
  ['more memory than any node has', studentContainer({ resources: { requests: { memory: '10Ti' } } })],
  ['a resource that no node has', pool({}, { resource: 'amd.com/gpu' })],
];

/** Changes of a running job: fields that decide its result are immutable. */
export const lateChanges: readonly Case[] = [
  ['another seed', ['spec.training.seed', 2]],
  ['another data set', ['spec.dataset.uri', 'package://other-data']],
  ['another teacher', ['spec.teacher.model.uri', 'package://models/other.onnx']],
  ['another student', ['spec.student.model.uri', 'package://models/other.json']],
  ['another loss', ['spec.student.loss', { temperature: 2 }]],
  ['another store of the result', ['spec.student.output.store', 'pvc://results/mnist']],
  ['no pool any more', ['spec.teacher.pools', []]],
  ['fewer teachers at most than at least', pool({}, { minReplicas: 3 })],
];
