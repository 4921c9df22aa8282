/**
 * Makers of Kubernetes objects as a watch of an API server 1.35 delivers them: with the fields that controllers and
 * kubelets fill in, including those that our code does not read. Makers are immutable: each method returns a new one.
 */
import { apiVersion, appliedAnnotation, kind, labels, templateAnnotation } from '../../src/api/index.js';
import type { RawPod } from '../../src/cluster/kubernetes/cache/pod-view.js';
import type { RawDeployment, RawJob, RawNode } from '../../src/cluster/kubernetes/cache/views.js';
import { noonMs } from './snapshots.js';

/** A time as the API server writes it, in seconds from noon. */
export function timeAt(seconds: number): string {
  return new Date(noonMs + seconds * 1_000).toISOString().replace('.000Z', 'Z');
}

type Quantities = Readonly<Record<string, string>>;

interface PodFacts {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** Its controller; null = it has none. */
  readonly owner: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  } | null;
  readonly restartPolicy: 'Always' | 'Never';
  readonly node: string | null;
  readonly requests: Quantities;
  readonly createdAt: number;
  /** null until a kubelet has taken it. */
  readonly startedAt: number | null;
  readonly deletedAt: number | null;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly reason: { readonly reason?: string; readonly message?: string };
  readonly state: object;
  readonly lastState: object;
  readonly restarts: number;
  readonly ready: boolean;
  readonly conditions: readonly object[];
  readonly others: readonly string[];
}

export interface End {
  readonly exitCode: number;
  /** The worker's termination message. */
  readonly message?: string;
  readonly reason?: string;
  /** Seconds from noon. */
  readonly at?: number;
}

export class PodMaker {
  readonly #facts: PodFacts;

  constructor(facts: PodFacts) {
    this.#facts = facts;
  }

  #with(changes: Partial<PodFacts>): PodMaker {
    return new PodMaker({ ...this.#facts, ...changes });
  }

  uid(uid: string): PodMaker {
    return this.#with({ uid });
  }

  /** The same pod as one of this job, with its labels and a name after it. */
  ofJob(job: string): PodMaker {
    const { name, labels: given, owner } = this.#facts;
    const called = (text: string): string => text.replace(/^mnist-/, `${job}-`);
    return this.#with({
      name: called(name),
      labels: { ...given, [labels.job]: job },
      owner: owner === null ? null : { ...owner, name: called(owner.name) },
    });
  }

  within(namespace: string): PodMaker {
    return this.#with({ namespace });
  }

  /** A pod of another owner with copies of our labels; null = no controller. */
  controlledBy(owner: Partial<NonNullable<PodFacts['owner']>> | null): PodMaker {
    const before = this.#facts.owner ?? { apiVersion: 'v1', kind: 'Other', name: 'owner', uid: 'owner-uid' };
    return this.#with({ owner: owner === null ? null : { ...before, ...owner } });
  }

  asking(requests: Quantities): PodMaker {
    return this.#with({ requests });
  }

  /** Created and started by its kubelet at this time, in seconds from noon. */
  since(startedAt: number): PodMaker {
    return this.#with({ createdAt: startedAt, startedAt });
  }

  /** Bound to its node; the kubelet has not yet started it. */
  bound(node = 'node-1'): PodMaker {
    return this.#with({ node, startedAt: null });
  }

  on(node: string): PodMaker {
    return this.#with({ node });
  }

  /** Unschedulable, with the scheduler's message. */
  unschedulable(message: string): PodMaker {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    return this.#with({ node: null, conditions: [condition] });
  }

  /** On its node; its container is not running. */
  waiting(reason: string, message?: string): PodMaker {
    const waiting = { reason, ...(message === undefined ? {} : { message }) };
    return this.#with({ node: 'node-1', phase: 'Pending', state: { waiting }, ready: false });
  }

  running(): PodMaker {
    return this.#with({
      node: this.#facts.node ?? 'node-1',
      phase: 'Running',
      state: { running: { startedAt: timeAt(this.#facts.startedAt ?? 0) } },
      ready: false,
    });
  }

  ready(): PodMaker {
    return this.running().#with({ ready: true });
  }

  /** Its container ended, and the kubelet waits before a restart (CrashLoopBackOff). */
  crashed(end: End, restarts = 1): PodMaker {
    const message = `back-off 10s restarting failed container=worker pod=${this.#facts.name}_default(${this.#facts.uid})`;
    return this.running().#with({
      state: { waiting: { reason: 'CrashLoopBackOff', message } },
      lastState: { terminated: terminated(end) },
      restarts,
    });
  }

  /** Its container runs again after a restart. */
  restarted(end: End, restarts = 1): PodMaker {
    return this.crashed(end, restarts).running();
  }

  /** Ended with its container: it has restartPolicy Never. */
  ended(end: End): PodMaker {
    return this.running().#with({
      phase: end.exitCode === 0 ? 'Succeeded' : 'Failed',
      state: { terminated: terminated(end) },
    });
  }

  /** With the condition DisruptionTarget and this reason. */
  disrupted(reason: string): PodMaker {
    const condition = { type: 'DisruptionTarget', status: 'True', reason, message: `${reason}: by a test` };
    return this.#with({ conditions: [...this.#facts.conditions, condition] });
  }

  /** Evicted by its kubelet: the node is short of a resource. */
  evicted(): PodMaker {
    const message = 'The node was low on resource: memory.';
    const killed = terminated({ exitCode: 137, reason: 'Error', at: 0 });
    return this.disrupted('TerminationByKubelet').#with({
      phase: 'Failed',
      reason: { reason: 'Evicted', message },
      state: { terminated: killed },
      ready: false,
    });
  }

  /** Deleted, within its grace period. */
  terminating(deletedAt = 0): PodMaker {
    return this.#with({ deletedAt });
  }

  /** Has another container, added by admission, whose status comes first. */
  with(container: string): PodMaker {
    return this.#with({ others: [...this.#facts.others, container] });
  }

  get raw(): RawPod {
    const { name, uid, node, requests, phase, conditions, restartPolicy, createdAt, startedAt, deletedAt } =
      this.#facts;
    const container = (containerName: string, resources: object): object => ({
      name: containerName,
      image: 'registry.example/distillery/worker:1',
      imagePullPolicy: 'IfNotPresent',
      resources,
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'FallbackToLogsOnError',
    });
    const metadata = {
      name,
      generateName: name.replace(/[^-]*$/, ''),
      namespace: this.#facts.namespace,
      uid,
      resourceVersion: '1042',
      generation: 1,
      creationTimestamp: timeAt(createdAt),
      labels: this.#facts.labels,
      ...(this.#facts.owner === null
        ? {}
        : { ownerReferences: [{ ...this.#facts.owner, controller: true, blockOwnerDeletion: true }] }),
      ...(deletedAt === null ? {} : { deletionTimestamp: timeAt(deletedAt + 30), deletionGracePeriodSeconds: 30 }),
    };
    return {
      metadata,
      spec: {
        ...(node === null ? {} : { nodeName: node }),
        containers: [
          container('worker', { requests }),
          ...this.#facts.others.map((other) => container(other, { requests: { cpu: '10m' } })),
        ],
        restartPolicy,
        schedulerName: 'default-scheduler',
        tolerations: [
          { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
          { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        ],
      } as RawPod['spec'],
      status: {
        phase,
        ...this.#facts.reason,
        qosClass: 'Burstable',
        conditions: [...standingConditions(this.#facts), ...conditions],
        ...(node === null || startedAt === null
          ? {}
          : { hostIP: '10.0.0.1', startTime: timeAt(startedAt), containerStatuses: containerStatuses(this.#facts) }),
      } as NonNullable<RawPod['status']>,
    };
  }
}

/** Conditions that the kubelet reports for a pod that it started. */
function standingConditions({ node, startedAt, ready }: PodFacts): object[] {
  const at = { observedGeneration: 1, lastProbeTime: null, lastTransitionTime: timeAt(-60) };
  const scheduled = { type: 'PodScheduled', status: 'True', ...at };
  if (node === null) return [];
  if (startedAt === null) return [scheduled];
  const status = ready ? 'True' : 'False';
  return [
    { type: 'PodReadyToStartContainers', status: 'True', ...at },
    { type: 'Initialized', status: 'True', ...at },
    { type: 'Ready', status, ...at },
    { type: 'ContainersReady', status, ...at },
    scheduled,
  ];
}

/** Container statuses in the order of their names, as kubelets write them. */
function containerStatuses({ state, lastState, restarts, ready, others }: PodFacts): object[] {
  const image = { image: 'registry.example/distillery/worker:1', imageID: 'sha256:0f', containerID: 'containerd://4e' };
  const running = { state: { running: { startedAt: timeAt(-60) } }, lastState: {}, ready: true, started: true };
  return [
    ...others.map((name) => ({ name, restartCount: 0, ...running, ...image })),
    { name: 'worker', ready, started: ready, restartCount: restarts, state, lastState, ...image },
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function terminated({ exitCode, message, reason, at }: End): object {
  return {
    exitCode,
    reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
    ...(message === undefined ? {} : { message: `${message}\n` }),
    startedAt: timeAt(-60),
    finishedAt: at === undefined ? null : timeAt(at),
    containerID: 'containerd://4e',
  };
}

const base: Omit<PodFacts, 'name' | 'uid' | 'labels' | 'owner' | 'restartPolicy'> = {
  namespace: 'default',
  node: null,
  requests: { cpu: '1', memory: '1Gi' },
  createdAt: -60,
  startedAt: -60,
  deletedAt: null,
  phase: 'Pending',
  reason: {},
  state: { waiting: { reason: 'ContainerCreating' } },
  lastState: {},
  restarts: 0,
  ready: false,
  conditions: [],
  others: [],
};

const ours = (component: string): Record<string, string> => ({
  [labels.managedBy]: 'distillery',
  [labels.name]: 'distillery',
  [labels.component]: component,
  [labels.job]: 'mnist',
  [labels.jobUid]: 'u-1',
});

/** A teacher of the pool that its name begins with: `cpu-0` belongs to `cpu`. It is new and has no node. */
export function teacherPod(name: string, jobUid = 'u-1'): PodMaker {
  const pool = name.replace(/-[^-]*$/, '');
  const templateHash = '5d9c7b8f6d';
  return new PodMaker({
    ...base,
    name: `mnist-teacher-${name}`,
    uid: `uid-${jobUid}-${name}`,
    labels: {
      ...ours('teacher'),
      [labels.jobUid]: jobUid,
      [labels.pool]: pool,
      'pod-template-hash': templateHash,
    },
    owner: {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: `mnist-teacher-${pool}-${templateHash}`,
      uid: `uid-of-replicas-${pool}`,
    },
    restartPolicy: 'Always',
  });
}

export function studentPod(name = 'student-a'): PodMaker {
  return new PodMaker({
    ...base,
    name: `mnist-${name}`,
    uid: `uid-${name}`,
    labels: { ...ours('student'), 'batch.kubernetes.io/job-name': 'mnist-student' },
    owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'mnist-student', uid: 'uid-mnist-student' },
    restartPolicy: 'Never',
  });
}

/** A pod of another user. */
export function strangerPod(name: string): PodMaker {
  return new PodMaker({
    ...base,
    name,
    uid: `uid-${name}`,
    labels: { app: 'web', [labels.component]: 'teacher' },
    owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7f', uid: 'uid-web' },
    restartPolicy: 'Always',
  });
}

interface ObjectFacts {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly jobUid?: string;
  /** Value of our annotation; null = it was removed. */
  readonly applied?: string | null;
  readonly deleting?: boolean;
  readonly namespace?: string;
  readonly managedFields?: readonly object[];
}

function metadataOf(name: string, component: string, facts: ObjectFacts) {
  const { uid = `uid-${name}`, resourceVersion = '1000', generation = 1, jobUid = 'u-1' } = facts;
  const { applied = 'hash-1', deleting = false, namespace = 'default', managedFields } = facts;
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    generation,
    creationTimestamp: timeAt(-60),
    labels: { ...ours(component), [labels.jobUid]: jobUid },
    ownerReferences: [{ apiVersion, kind, name: 'mnist', uid: jobUid, controller: true, blockOwnerDeletion: true }],
    ...(managedFields === undefined ? {} : { managedFields }),
    annotations: {
      'deployment.kubernetes.io/revision': '1',
      ...(applied === null ? {} : { [appliedAnnotation]: applied }),
    },
    ...(deleting
      ? { deletionTimestamp: timeAt(0), deletionGracePeriodSeconds: 0, finalizers: ['foregroundDeletion'] }
      : {}),
  };
}

interface DeploymentFacts extends ObjectFacts {
  readonly replicas?: number;
  /** The error of the ReplicaSet controller when it created pods. */
  readonly replicaFailure?: string;
  /** Number of its pods with an older template. */
  readonly outdated?: number;
}

/** Fields that the API server sets and our code does not read. */
const unreadJobSpec = { parallelism: 1, completions: 1, backoffLimit: 6, podReplacementPolicy: 'Failed' };
const unreadJobStatus = { startTime: timeAt(-60), ready: 0, uncountedTerminatedPods: {} };
const unreadNodeSpec = { podCIDR: '10.244.0.0/24', providerID: 'kwok://node' };
const unreadNodeStatus = { capacity: { cpu: '16', memory: '65843000Ki', pods: '110' } };

export function rawDeployment(pool: string, facts: DeploymentFacts = {}): RawDeployment {
  const { replicas = 2, replicaFailure, outdated = 0 } = facts;
  const metadata = metadataOf(`mnist-teacher-${pool}`, 'teacher', facts);
  const condition = (type: string, status: string, reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
    lastUpdateTime: timeAt(-50),
    lastTransitionTime: timeAt(-60),
  });
  const failed = replicaFailure !== undefined;
  return {
    metadata: { ...metadata, labels: { ...metadata.labels, [labels.pool]: pool } },
    spec: { replicas },
    status: {
      observedGeneration: metadata.generation,
      replicas,
      updatedReplicas: replicas - outdated,
      conditions: [
        condition(
          'Available',
          failed ? 'False' : 'True',
          'MinimumReplicasAvailable',
          'Deployment has minimum availability.',
        ),
        condition('Progressing', 'True', 'NewReplicaSetAvailable', 'ReplicaSet "x" has successfully progressed.'),
        ...(failed ? [condition('ReplicaFailure', 'True', 'FailedCreate', replicaFailure)] : []),
      ],
    },
  };
}

interface StudentJobFacts extends ObjectFacts {
  readonly suspend?: boolean;
  readonly template?: string;
  /** Failures that its podFailurePolicy counted. */
  readonly failed?: number;
  /** Types of the conditions that are True. */
  readonly conditions?: readonly string[];
}

export function rawStudentJob(facts: StudentJobFacts = {}): RawJob {
  const { suspend = false, template = 'template-1', failed, conditions = [] } = facts;
  const metadata = metadataOf('mnist-student', 'student', facts);
  return {
    metadata: { ...metadata, annotations: { ...metadata.annotations, [templateAnnotation]: template } },
    spec: { ...unreadJobSpec, suspend },
    status: {
      ...unreadJobStatus,
      ...(failed === undefined ? {} : { failed }),
      conditions: [
        { type: 'Suspended', status: suspend ? 'True' : 'False', reason: suspend ? 'JobSuspended' : 'JobResumed' },
        ...conditions.map((type) => ({ type, status: 'True', reason: 'ByATest', message: 'by a test' })),
      ],
    },
  };
}

interface NodeFacts {
  readonly allocatable?: Quantities;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly unschedulable?: boolean;
  readonly ready?: 'True' | 'False' | 'Unknown';
  readonly deleting?: boolean;
}

export function rawNode(name: string, facts: NodeFacts = {}): RawNode {
  const { allocatable, labels: extra = {}, taints, unschedulable, ready = 'True', deleting = false } = facts;
  const fine = (type: string) => ({ type, status: 'False', reason: 'KubeletHasSufficientMemory' });
  return {
    metadata: {
      name,
      // The client sets it on every object.
      namespace: '',
      uid: `uid-${name}`,
      resourceVersion: '900',
      creationTimestamp: timeAt(-3_600),
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/arch': 'amd64', ...extra },
      annotations: { 'node.alpha.kubernetes.io/ttl': '0' },
      ...(deleting ? { deletionTimestamp: timeAt(0) } : {}),
    },
    spec: {
      ...unreadNodeSpec,
      ...(taints === undefined ? {} : { taints }),
      ...(unschedulable === undefined ? {} : { unschedulable }),
    },
    status: {
      ...unreadNodeStatus,
      allocatable: allocatable ?? {
        cpu: '15900m',
        'ephemeral-storage': '473552896Ki',
        'hugepages-2Mi': '0',
        memory: '65740600Ki',
        pods: '110',
      },
      conditions: [
        fine('MemoryPressure'),
        fine('DiskPressure'),
        fine('PIDPressure'),
        { type: 'Ready', status: ready, reason: 'KubeletReady', message: 'kubelet is posting ready status' },
      ],
    },
  };
}
