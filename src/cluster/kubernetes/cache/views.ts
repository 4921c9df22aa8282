/**
 * What the operator keeps of nodes and of its own objects at the API server: each is reduced to the few facts that
 * decisions need (pod-view.ts for pods). Pure.
 */
import { appliedAnnotation, kueue, labels, templateAnnotation } from '../../../api/index.js';
import { amountsOf, isLeaving, type LedgerNode, type Taint } from '../../../domain/index.js';

import type { StoredObject } from '../api/index.js';
import { type FieldsOwner, unclaimedIn } from './managed-fields.js';
import { isOurName, jobOf } from './ownership.js';

export type RawObject = Pick<StoredObject, 'metadata'>;

export interface RawCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** Of a message that is kept: a kubelet cuts termination messages at 4096 bytes, and people need less. */
export const longestMessage = 1_000;

export function hasCondition(conditions: readonly RawCondition[] | undefined, type: string): boolean {
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

export interface CreateFailure {
  readonly message: string;
  /** Milliseconds since 1970; null = unknown. */
  readonly sinceMs: number | null;
}

export interface DeploymentView extends OwnedView {
  readonly pool: string;
  readonly replicas: number;
  /**
   * Pods of an older template are being replaced, or the Deployment's controller has not processed the latest spec yet.
   */
  readonly rolling: boolean;
  /** LocalQueue of Kueue that it is in; null = none. */
  readonly queue: string | null;
  /** Why it cannot create pods, such as a quota or an admission webhook; null = it can. */
  readonly failure: CreateFailure | null;
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
    queue: queueOf(raw),
    rolling: observedGeneration < (raw.metadata.generation ?? 0) || updatedReplicas < replicas,
    failure: failure === undefined ? null : createFailure(failure),
    unclaimed: unclaimedIn(raw.metadata),
  };
}

function createFailure({ message, reason = '', lastTransitionTime = '' }: RawCondition): CreateFailure {
  const sinceMs = Date.parse(lastTransitionTime);
  return { message: (message ?? reason).slice(0, longestMessage), sinceMs: Number.isNaN(sinceMs) ? null : sinceMs };
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
  /** LocalQueue of Kueue that it is in; null = none. */
  readonly queue: string | null;
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
    queue: queueOf(raw),
    suspended: raw.spec.suspend === true,
    template: raw.metadata.annotations?.[templateAnnotation] ?? '',
    startedAtMs: startTime === undefined ? null : Date.parse(startTime),
    failures: raw.status?.failed ?? 0,
    ended,
  };
}

function queueOf({ metadata: { labels: given = {} } }: RawObject): string | null {
  const { [kueue.queueLabel]: queue = '' } = given;
  return queue === '' ? null : queue;
}
