/**
 * What the operator keeps of the API server's objects: each is reduced to the few facts that decisions need, so that
 * forty
 * thousand pods fit into memory. Pure.
 */
import {
  appliedAnnotation,
  deletionCostAnnotation,
  labels,
  templateAnnotation,
  workerContainer,
} from '../../../api/index.js';
import { amountsOf, effectiveRequests, isLeaving, isSolvedByEviction } from '../../../domain/index.js';
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
} from '../../../domain/index.js';

import { type FieldsOwner, unclaimedIn } from './managed-fields.js';
import type { StoredObject } from '../api/index.js';
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
    /** null when the kubelet did not see it end. */
    readonly finishedAt?: string | null;
  };
}

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
    /** The claim that the scheduler creates for extended resources served by DRA (KEP-5004). */
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
  /** From its PriorityClass, set at admission. */
  readonly priority?: number;
  readonly schedulingGates?: readonly object[];
  /** Devices requested through ResourceClaims. */
  readonly resourceClaims?: readonly object[];
}

export interface PodView extends LedgerPod, UnboundPod {
  readonly namespace: string;
  readonly name: string;
  readonly terminating: boolean;
  /** null for pods of others. */
  readonly worker: WorkerView | null;
}

/** A pod that carries our labels. */
export interface WorkerView {
  /** From its labels (ownership/W2); the cache compares it with the job and its objects. */
  readonly jobUid: string;
  readonly jobName: string;
  /** Uid of the student's Job, or of a ReplicaSet. */
  readonly controllerUid: string;
  readonly component: 'teacher' | 'student';
  /** Empty for a student. */
  readonly pool: string;
  readonly createdAtMs: number;
  /** When the kubelet accepted it; null before. */
  readonly startedAtMs: number | null;
  readonly failed: boolean;
  readonly ready: boolean;
  readonly restarts: number;
  /** The API server marks it as disrupted: evicted, preempted, drained, or its node is lost. */
  readonly disrupted: boolean;
  readonly lastEnd: ContainerEnd | null;
  /** Why it does not start, if a person has to act; null otherwise. */
  readonly stuck: string | null;
  /** Value of the pod-deletion-cost annotation (KEP-2255); null = absent. */
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
    // The scheduler reserves nothing for a pod with a scheduling gate.
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

/** Only for pods without a node: it is the largest part of a view. */
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

/**
 * Other schedulers use other messages, and the ledger does not count claimed devices: then assume that eviction helps.
 */
function waitsForRoom({ spec, status }: RawPod): boolean {
  const said = unscheduled(status?.conditions ?? []);
  const isKnown = spec.schedulerName === 'default-scheduler' && (spec.resourceClaims ?? []).length === 0;
  return said === undefined || !isKnown || isSolvedByEviction(said);
}

function workerView({ metadata, status }: RawPod, phase: string): WorkerView | null {
  const job = claimedJobOf(metadata);
  if (job === null) return null;
  const component = metadata.labels?.[labels.component] === 'student' ? 'student' : 'teacher';
  // Admission may have added other containers.
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

/** A kubelet cuts termination messages at 4096 bytes; people need less. */
const longestMessage = 1_000;

/** Reasons of a wait that does not end by itself, unlike ContainerCreating, PodInitializing and CrashLoopBackOff. */
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

/** The message of the scheduler when it found no node; undefined otherwise. */
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

/** An object that carries our labels. */
export interface OwnedView {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** Uid of the job that it belongs to (ownership/W1); empty = of no job. */
  readonly jobUid: string;
  readonly jobName: string;
  readonly deleting: boolean;
  /** Changes with every change of the spec, by any client. */
  readonly generation: number;
  /** Hash of what was wanted when we applied it; empty when the annotation was removed. */
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
  /**
   * Pods of an older template are being replaced, or the Deployment's controller has not processed the latest spec yet.
   */
  readonly rolling: boolean;
  /** Why it cannot create pods, such as a quota or an admission webhook; null = it can. */
  readonly failure: string | null;
  /** Managers of its fields, until those from our create are turned into an apply; null afterwards. */
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
  /** Hash of the pod template that it was created with; Kubernetes does not allow changing it. */
  readonly template: string;
  /** Since when it may have pods; null while it is suspended. */
  readonly startedAtMs: number | null;
  /** Attempts that were charged to backoffLimit. */
  readonly failures: number;
  readonly ended: 'Succeeded' | 'Failed' | null;
}

export function studentJobView(raw: RawJob): StudentJobView {
  const { conditions, startTime } = raw.status ?? {};
  // FailureTarget and SuccessCriteriaMet are set before the last pod is gone; the end is reported afterwards.
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
