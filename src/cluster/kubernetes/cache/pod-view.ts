/**
 * What the operator keeps of a pod: few facts, so that forty thousand pods fit into memory. Pure.
 */
import { deletionCostAnnotation, kueue, labels, workerContainer } from '../../../api/index.js';
import { effectiveRequests, isSolvedByEviction } from '../../../domain/index.js';
import type {
  LedgerPod,
  NodeWait,
  PodResources,
  PodResourcesStatus,
  ResizedContainer,
  SchedulingConstraints,
  UnboundPod,
} from '../../../domain/index.js';

import type { PodClaim } from './device-views.js';
import { claimedJobOf, controllerOf } from './ownership.js';
import { hasCondition, longestMessage, type RawCondition, type RawObject } from './views.js';

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
    readonly extendedResourceClaimStatus?: {
      readonly requestMappings?: readonly { readonly resourceName?: string }[];
    };
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

interface RawPodClaim {
  readonly resourceClaimName?: string;
  readonly resourceClaimTemplateName?: string;
}

interface RawScheduling {
  readonly schedulerName?: string;
  readonly nodeName?: string;
  /** From its PriorityClass, set at admission. */
  readonly priority?: number;
  readonly schedulingGates?: readonly { readonly name?: string }[];
  /** Devices requested through ResourceClaims. */
  readonly resourceClaims?: readonly RawPodClaim[];
}

export interface PodView extends LedgerPod, UnboundPod {
  readonly namespace: string;
  readonly name: string;
  readonly terminating: boolean;
  /** Its ResourceClaims. */
  readonly claims: readonly PodClaim[];
  /** Extended resources that a claim of its own serves: that claim is counted. */
  readonly served: readonly string[];
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
  /** Kueue holds it until there is quota. */
  readonly gated: boolean;
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
    claims: claimsOf(spec.resourceClaims),
    served: servedIn(status),
    ended,
    terminating,
    waits: isBound || ended || terminating || isGated ? null : waitingView(raw),
    worker: workerView(raw, phase),
  };
}

/** Shared by all pods without claims, which are most. */
const noClaims: readonly PodClaim[] = [];

function claimsOf(claims: readonly RawPodClaim[] = []): readonly PodClaim[] {
  if (claims.length === 0) return noClaims;
  return claims.map(({ resourceClaimTemplateName = null, resourceClaimName = null }) => {
    return { template: resourceClaimTemplateName, claim: resourceClaimName };
  });
}

const noneServed: readonly string[] = [];

function servedIn(status: RawPod['status']): readonly string[] {
  const mappings = status?.extendedResourceClaimStatus?.requestMappings ?? [];
  if (mappings.length === 0) return noneServed;
  return mappings.flatMap(({ resourceName }) => resourceName ?? []);
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

/** Other schedulers use other messages: then assume that eviction helps. */
function waitsForRoom({ spec, status }: RawPod): boolean {
  const said = unscheduled(status?.conditions ?? []);
  return said === undefined || spec.schedulerName !== 'default-scheduler' || isSolvedByEviction(said);
}

function workerView({ metadata, spec, status }: RawPod, phase: string): WorkerView | null {
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
    gated: (spec.schedulingGates ?? []).some(({ name = '' }) => name.startsWith(kueue.gatePrefix)),
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
