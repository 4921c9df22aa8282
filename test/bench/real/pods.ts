/** The pods of a run as the API server tells of them: teachers, students and neighbors, told apart by their labels. */
import { setTimeout as sleep } from 'node:timers/promises';

import { labels } from '../../../src/api/index.js';
import type { Api } from '../../kit/cluster/api.js';

import type { SeenTeacher } from './plant.js';

/** On a neighbor's pod: its place in the trace. */
export const neighborLabel = 'bench.distillery.dev/neighbor';

export interface RawPod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

export type SeenPod =
  | (SeenTeacher & { readonly kind: 'Teacher'; readonly name: string })
  | {
      readonly kind: 'Student';
      readonly job: string;
      readonly name: string;
      readonly isRunning: boolean;
    }
  | {
      readonly kind: 'Neighbor';
      readonly index: number;
      readonly isBound: boolean;
      readonly isGone: boolean;
    };

/** @returns null for a pod that is none of the run's */
function seenPod(pod: RawPod, isGone: boolean): SeenPod | null {
  const { metadata, spec, status } = pod;
  const isBound = spec.nodeName !== undefined;
  const marks = metadata.labels ?? {};
  const neighbor = marks[neighborLabel];
  if (neighbor !== undefined) return { kind: 'Neighbor', index: Number(neighbor), isBound, isGone };
  const [job, component] = [marks[labels.job], marks[labels.component]];
  if (job === undefined) return null;
  const { name, uid } = metadata;
  if (component === 'student') {
    return { kind: 'Student', job, name, isRunning: !isGone && status.phase === 'Running' };
  }
  if (component !== 'teacher') return null;
  const holds = (type: string, reason?: string): boolean =>
    status.conditions?.some(
      (found) => found.type === type && found.status === 'True' && (reason ?? found.reason) === found.reason,
    ) === true;
  return {
    kind: 'Teacher',
    job,
    name,
    uid,
    phase: phaseOf({ isBound, isGone, isLeaving: metadata.deletionTimestamp !== undefined, isReady: holds('Ready') }),
    preempted: holds('DisruptionTarget', 'PreemptionByScheduler'),
  };
}

function phaseOf(pod: {
  readonly isBound: boolean;
  readonly isGone: boolean;
  readonly isLeaving: boolean;
  readonly isReady: boolean;
}): SeenTeacher['phase'] {
  // One that is taken back before it has a node holds nothing.
  if (pod.isGone || (pod.isLeaving && !pod.isBound)) return 'Gone';
  if (!pod.isBound) return 'Pending';
  if (pod.isLeaving) return 'Leaving';
  return pod.isReady ? 'Ready' : 'Starting';
}

/** What the signal itself makes of a watch that it ends. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: RawPod;
}

const podsPath = '/api/v1/namespaces/default/pods';
const restMs = 100;

/**
 * Tells of every pod and each of its changes, in their order, until `signal` says so.
 * @throws Error when the API server has forgotten what comes next, which a run of an hour does not live to see
 */
export async function watchPods(api: Api, tell: (pod: SeenPod) => void, signal: AbortSignal): Promise<void> {
  const told = (pod: RawPod, isGone: boolean): void => {
    const seen = seenPod(pod, isGone);
    if (seen !== null) tell(seen);
  };
  const list = await api.get<{ metadata: { resourceVersion: string }; items: RawPod[] }>(podsPath);
  for (const pod of list.items) told(pod, false);
  let version = list.metadata.resourceVersion;
  while (!signal.aborted) {
    try {
      const path = `${podsPath}?watch=1&allowWatchBookmarks=true&resourceVersion=${version}`;
      for await (const { type, object } of api.watch<WatchEvent>(path, signal)) {
        if (type === 'ERROR') throw new Error(`pods: the watch ended at ${version}: ${JSON.stringify(object)}`);
        version = object.metadata.resourceVersion;
        if (type !== 'BOOKMARK') told(object, type === 'DELETED');
      }
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
    await sleep(restMs);
  }
}
