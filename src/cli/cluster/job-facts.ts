/** What `distill status` says of one job, as data. Pure. */
import { count, omit } from '@distillery/base';

import type { DistillJob, StatusCondition } from '../../api/index.js';
import type { StoredObject } from '../../cluster/kubernetes/index.js';

import type { NamedJob, Readable } from './named-job.js';
import { valueOr } from './named-job.js';
import { eventsOf, type SeenEvent } from './seen-events.js';
import { type WorkerPod, workerPods } from './worker-pods.js';

export interface JobFacts {
  /** As the API server has it, without managed fields. */
  readonly job: DistillJob;
  readonly ageSeconds: number;
  readonly pods: readonly WorkerPod[];
  readonly events: readonly SeenEvent[];
  /** What is wrong, the most important first. */
  readonly problems: readonly string[];
  /** What this person may not read; one sentence each. */
  readonly refused: readonly string[];
}

/** The objects of the API server that the facts come from. */
export interface SeenJob {
  readonly named: NamedJob;
  readonly pods: Readable<readonly StoredObject[]>;
  readonly events: Readable<readonly StoredObject[]>;
}

export function jobFacts({ named, pods, events }: SeenJob, nowMs: number): JobFacts {
  const { job, object } = named;
  const seenPods = workerPods(valueOr(pods, []), nowMs);
  const plain = { ...job, metadata: omit(object.metadata, 'managedFields') } as unknown as DistillJob;
  return {
    job: plain,
    ageSeconds: Math.max(0, Math.round((nowMs - Date.parse(object.metadata.creationTimestamp ?? '')) / 1_000)) || 0,
    pods: seenPods,
    events: eventsOf(valueOr(events, []), job),
    problems: problemsOf(job, seenPods),
    refused: [pods, events].flatMap((part) => (part.kind === 'refused' ? [part.sentence] : [])),
  };
}

/** Conditions that say that something is wrong, by their type: in which state, and with which reasons (absent = any). */
const wrong: Readonly<
  Record<string, { readonly status: StatusCondition['status']; readonly reasons?: readonly string[] }>
> = {
  Accepted: { status: 'False' },
  Failed: { status: 'True' },
  Stalled: { status: 'True' },
  TeachersAvailable: { status: 'False', reasons: ['NoFreeSlots', 'TeachersFailing', 'Refused'] },
  StudentRunning: { status: 'False', reasons: ['BackingOff', 'CannotStart'] },
  Progressing: { status: 'False', reasons: ['Stalled', 'StreamsUnreachable', 'BrokerUnreachable'] },
};

function problemsOf({ metadata, status }: DistillJob, pods: readonly WorkerPod[]): string[] {
  if (status === undefined)
    return ['No operator has seen this job yet. Check that one runs and watches its namespace.'];
  const { conditions = [], summary, deadItems, observedGeneration = 0 } = status;
  const { generation = 0 } = metadata;
  const found = [
    ...(summary?.message === undefined ? [] : [summary.message]),
    ...conditions.filter(isWrong).map(({ type, message }) => `${type}: ${message}`),
    ...conditions
      .filter(({ reason }) => reason === 'CheckpointNotStored')
      .map(({ type, message }) => `${type}: ${message}`),
    ...(observedGeneration < generation ? ['The operator has not seen the latest change of this job yet.'] : []),
    ...((deadItems?.count ?? 0) === 0
      ? []
      : [`${count(deadItems?.count ?? 0, 'dead item')}; the last error: ${deadItems?.lastError ?? 'unknown'}`]),
    ...pods.flatMap(({ name, problem }) => (problem === null ? [] : [`pod ${name}: ${problem}`])),
  ];
  // The summary repeats the condition that it was made from.
  return found.filter((text, at) => !found.some((other, index) => index < at && text.endsWith(other)));
}

function isWrong({ type, status, reason }: StatusCondition): boolean {
  const rule = wrong[type];
  return rule?.status === status && (rule.reasons?.includes(reason) ?? true);
}
