/**
 * What the adapter keeps of the API server's objects: each is cut down at the border to the few facts that decisions need,
 * so that forty thousand pods fit into memory. Pure.
 */
import { appliedAnnotation, deletionCostAnnotation, labels, templateAnnotation } from '../../api/index.js';
import { amountsOf, effectiveRequests, isLeaving, isSolvedByEviction } from '../../domain/index.js';
import type {
  LedgerNode,
  LedgerPod,
  SchedulingConstraints,
  PodResources,
  PodResourcesStatus,
  ResizedContainer,
  Taint,
  NodeWait,
  UnboundPod,
} from '../../domain/index.js';

import { type FieldsOwner, unclaimedIn } from './managed-fields.js';
import type { StoredObject } from './object.js';
import { claimedJobOf, controllerOf, isOurName, jobOf } from './ownership.js';

export type RawObject = Pick<StoredObject, 'metadata'>;

interface RawCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface RawContainerStatus {
  readonly name: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: RawContainerState;
  readonly lastState?: RawContainerState;
}

interface RawContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: {
    readonly exitCode: number;
    readonly reason?: string;
    readonly message?: string;
    /** null when the kubelet never saw it end. */
    readonly finishedAt?: string | null;
  };
}

/** The one container of a worker's pod that is ours; admission may have added others. */
const workerContainer = 'worker';

export interface RawPod extends RawObject {
  readonly spec: PodResources & RawPlacement & RawScheduling;
  readonly status?: Omit<PodResourcesStatus, 'containerStatuses' | 'conditions'> & {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly startTime?: string;
    readonly conditions?: readonly RawCondition[];
    readonly containerStatuses?: readonly (RawContainerStatus & ResizedContainer)[];
    readonly nominatedNodeName?: string;
    /** The claim that the scheduler made for extended resources which DRA serves (KEP-5004). */
    readonly extendedResourceClaimStatus?: object;
  };
}

interface RawPlacement {
  readonly nodeSelector?: SchedulingConstraints['nodeSelector'];
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms: SchedulingConstraints['requiredTerms'] & object;
      };
    };
  };
  readonly tolerations?: SchedulingConstraints['tolerations'];
}

interface RawScheduling {
  readonly schedulerName?: string;
  readonly nodeName?: string;
  /** Of its PriorityClass, filled in at admission. */
  readonly priority?: number;
  readonly schedulingGates?: readonly object[];
  /** The devices that it wants through ResourceClaims. */
  readonly resourceClaims?: readonly object[];
}

export interface PodView extends LedgerPod, UnboundPod {
  readonly namespace: string;
  readonly name: string;
  readonly terminating: boolean;
  /** null for pods of others. */
  readonly worker: WorkerView | null;
}

/** What we know of a pod of ours. */
export interface WorkerView {
  /** What it says of itself (ownership/W2): the cache holds it against the job and its objects. */
  readonly jobUid: string;
  readonly jobName: string;
  /** Of the student's Job, or of a ReplicaSet. */
  readonly controllerUid: string;
  readonly component: 'teacher' | 'student';
  /** Empty for a student. */
  readonly pool: string;
  readonly createdAtMs: number;
  /** When the kubelet took it; null before. */
  readonly startedAtMs: number | null;
  readonly failed: boolean;
  readonly ready: boolean;
  readonly restarts: number;
  /** Evicted, preempted, drained, its node lost: the API server says that it was disrupted. */
  readonly disrupted: boolean;
  readonly lastEnd: ContainerEnd | null;
  /** Why it does not start, where somebody would have to do something about it. */
  readonly stuck: string | null;
  /** What a ReplicaSet is told of its deletion (KEP-2255); null = nothing. */
  readonly deletionCost: string | null;
}

export interface ContainerEnd {
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly finishedAtMs: number;
}

export function podView(raw: RawPod): PodView {
  const { metadata, spec, status } = raw;
  const { phase = 'Pending' } = status ?? {};
  const isBound = spec.nodeName !== undefined && spec.nodeName !== '';
  const ended = phase === 'Succeeded' || phase === 'Failed';
  const terminating = metadata.deletionTimestamp !== undefined;
  const isGated = (spec.schedulingGates ?? []).length > 0;
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    node: isBound ? (spec.nodeName ?? null) : null,
    // The scheduler keeps nothing for one that it may not look at.
    nominated: isBound || isGated ? null : (status?.nominatedNodeName ?? null),
    priority: spec.priority ?? 0,
    requests: effectiveRequests(spec, status),
    claimsDevices: (spec.resourceClaims ?? []).length > 0 || status?.extendedResourceClaimStatus !== undefined,
    ended,
    terminating,
    waits: isBound || ended || terminating || isGated ? null : waitingView(raw),
    worker: workerView(raw, phase),
  };
}

/** Only of pods that wait: it is most of what a pod's view would weigh. */
function waitingView(raw: RawPod): NodeWait {
  const { metadata, spec } = raw;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    sinceMs: Date.parse(metadata.creationTimestamp ?? ''),
    constraints: {
      nodeSelector: spec.nodeSelector ?? {},
      requiredTerms: required?.nodeSelectorTerms ?? null,
      tolerations: spec.tolerations ?? [],
    },
    evictionHelps: waitsForRoom(raw),
  };
}

/** Other schedulers have words of their own, and devices that are claimed are not on our account: then it may be so. */
function waitsForRoom({ spec, status }: RawPod): boolean {
  const said = unscheduled(status?.conditions ?? []);
  const isKnown = spec.schedulerName === 'default-scheduler' && (spec.resourceClaims ?? []).length === 0;
  return said === undefined || !isKnown || isSolvedByEviction(said);
}

function workerView({ metadata, status }: RawPod, phase: string): WorkerView | null {
  const job = claimedJobOf(metadata);
  if (job === null) return null;
  const component = metadata.labels?.[labels.component] === 'student' ? 'student' : 'teacher';
  const container = status?.containerStatuses?.find(({ name }) => name === workerContainer);
  return {
    jobUid: job.uid,
    jobName: job.name,
    controllerUid: controllerOf(metadata)?.uid ?? '',
    component,
    pool: metadata.labels?.[labels.pool] ?? '',
    createdAtMs: Date.parse(metadata.creationTimestamp ?? ''),
    startedAtMs: status?.startTime === undefined ? null : Date.parse(status.startTime),
    failed: phase === 'Failed',
    ready: container?.ready === true,
    restarts: container?.restartCount ?? 0,
    disrupted: hasCondition(status?.conditions, 'DisruptionTarget'),
    lastEnd: endOf(container?.state) ?? endOf(container?.lastState),
    stuck: stuckBecause(status?.conditions ?? [], container),
    deletionCost: metadata.annotations?.[deletionCostAnnotation] ?? null,
  };
}

function endOf(state: RawContainerState | undefined): ContainerEnd | null {
  const terminated = state?.terminated;
  if (terminated === undefined) return null;
  const { exitCode, reason = '', message = '', finishedAt } = terminated;
  const finishedAtMs = Date.parse(finishedAt ?? '');
  return {
    exitCode,
    reason,
    message: message.trim().slice(0, longestMessage),
    finishedAtMs: Number.isNaN(finishedAtMs) ? 0 : finishedAtMs,
  };
}

/** A kubelet cuts termination messages at 4096 bytes; nobody reads more than this. */
const longestMessage = 1_000;

/** Waits that end by themselves have other reasons: ContainerCreating, PodInitializing, CrashLoopBackOff. */
const stuckReasons: readonly string[] = [
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];

function stuckBecause(conditions: readonly RawCondition[], container: RawContainerStatus | undefined): string | null {
  const waiting = container?.state?.waiting;
  if (waiting?.reason !== undefined && stuckReasons.includes(waiting.reason)) {
    return [waiting.reason, waiting.message ?? '']
      .filter((part) => part !== '')
      .join(': ')
      .slice(0, longestMessage);
  }
  const said = unscheduled(conditions);
  return said === undefined ? null : `no node takes it: ${said}`.slice(0, longestMessage);
}

/** What the scheduler said when it found no node; undefined while it has not, or has yet to look. */
function unscheduled(conditions: readonly RawCondition[]): string | undefined {
  const condition = conditions.find(
    ({ type, status, reason }) => type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
  );
  return condition === undefined ? undefined : (condition.message ?? '');
}

function hasCondition(conditions: readonly RawCondition[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
}

export interface RawNode extends RawObject {
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly RawCondition[];
  };
}

export function nodeView({ metadata, spec, status }: RawNode): LedgerNode {
  const conditions = (status?.conditions ?? []).filter((one) => one.status === 'True').map(({ type }) => type);
  const [labelsOfNode, taints] = [metadata.labels ?? {}, spec?.taints ?? []];
  return {
    name: metadata.name,
    labels: labelsOfNode,
    taints,
    takesPods:
      spec?.unschedulable !== true &&
      metadata.deletionTimestamp === undefined &&
      conditions.includes('Ready') &&
      !isLeaving({ taints, labels: labelsOfNode, conditions }),
    allocatable: amountsOf(status?.allocatable),
  };
}

/** What we know of an object that carries our labels. */
export interface OwnedView {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** Of the job whose object it is (ownership/W1); empty when it is none's. */
  readonly jobUid: string;
  readonly jobName: string;
  readonly deleting: boolean;
  /** Changes with every change of the spec, whoever makes it. */
  readonly generation: number;
  /** The hash of what we wanted when we applied it; empty when somebody took it away. */
  readonly applied: string;
}

/** @param kind decides which names are ours */
export function ownedView({ metadata }: RawObject, kind = 'ServiceAccount'): OwnedView {
  const job = jobOf(metadata);
  const isOurs = job !== null && isOurName(kind, metadata, job.name);
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    jobUid: isOurs ? job.uid : '',
    jobName: isOurs ? job.name : '',
    deleting: metadata.deletionTimestamp !== undefined,
    generation: metadata.generation ?? 0,
    applied: metadata.annotations?.[appliedAnnotation] ?? '',
  };
}

export interface RawDeployment extends RawObject {
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly conditions?: readonly RawCondition[];
  };
}

export interface DeploymentView extends OwnedView {
  readonly pool: string;
  readonly replicas: number;
  /** Pods of an older template are being replaced, or the Deployment's controller has yet to look whether any is. */
  readonly rolling: boolean;
  /** Why it cannot make pods: a quota, an admission webhook; null when it can. */
  readonly failure: string | null;
  /** Who holds which of its fields, while those that we created are not applied ones yet; null = they are. */
  readonly unclaimed: readonly FieldsOwner[] | null;
}

export function deploymentView(raw: RawDeployment): DeploymentView {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, conditions } = raw.status ?? {};
  const failure = conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  return {
    ...ownedView(raw, 'Deployment'),
    pool: raw.metadata.labels?.[labels.pool] ?? '',
    replicas: raw.spec.replicas ?? 1,
    rolling: observedGeneration < (raw.metadata.generation ?? 0) || updatedReplicas < replicas,
    failure: failure === undefined ? null : (failure.message ?? failure.reason ?? '').slice(0, longestMessage),
    unclaimed: unclaimedIn(raw.metadata),
  };
}

export interface RawJob extends RawObject {
  readonly spec: { readonly suspend?: boolean };
  readonly status?: {
    readonly startTime?: string;
    readonly active?: number;
    readonly failed?: number;
    readonly terminating?: number;
    readonly conditions?: readonly RawCondition[];
  };
}

export interface StudentJobView extends OwnedView {
  readonly suspended: boolean;
  /** Hash of the pod template that it was made with: Kubernetes lets nobody change it. */
  readonly template: string;
  /** Since when it may have pods; null while it may not. */
  readonly startedAtMs: number | null;
  /** Ends that were charged to backoffLimit. */
  readonly failures: number;
  readonly ended: 'Succeeded' | 'Failed' | null;
}

export function studentJobView(raw: RawJob): StudentJobView {
  const { conditions, startTime } = raw.status ?? {};
  // FailureTarget and SuccessCriteriaMet come before the last pod is gone: the end is told when it is.
  const ended = hasCondition(conditions, 'Complete')
    ? 'Succeeded'
    : hasCondition(conditions, 'Failed')
      ? 'Failed'
      : null;
  return {
    ...ownedView(raw, 'Job'),
    suspended: raw.spec.suspend === true,
    template: raw.metadata.annotations?.[templateAnnotation] ?? '',
    startedAtMs: startTime === undefined ? null : Date.parse(startTime),
    failures: raw.status?.failed ?? 0,
    ended,
  };
}
