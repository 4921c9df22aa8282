/**
 * Ends of pods on kwok's nodes, reported as a kubelet would report them. kwok starts pods, lets them run forever and
 * removes the deleted ones; tests report every other end here.
 */
import type { Api } from './api.js';

/** Why Kubernetes itself removed a pod; such ends do not count as failures of the pod. */
export type Disruption =
  | 'DeletionByTaintManager'
  | 'EvictionByEvictionAPI'
  | 'PreemptionByScheduler'
  /** The node was short of a resource, and its kubelet evicted the pod. */
  | 'TerminationByKubelet';

/** How a pod's containers ended. */
export interface PodEnd {
  readonly exitCode: number;
  /** Their termination message. */
  readonly message?: string;
  /** Reason, such as OOMKilled; absent = Completed or Error. */
  readonly reason?: string;
  readonly disrupted?: Disruption;
}

interface Pod {
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly state?: { readonly running?: { readonly startedAt: string } };
    }[];
  };
}

export async function endPod(api: Api, path: string, end: PodEnd, now: Date): Promise<void> {
  const pod = await api.get<Pod>(path);
  // A strategic merge: conditions and containers that are not named here stay unchanged.
  await api.patch(`${path}/status`, { status: statusOf(pod, end, now.toISOString()) }, 'strategic');
}

function statusOf({ spec, status }: Pod, { exitCode, message = '', reason, disrupted }: PodEnd, time: string): object {
  const succeeded = exitCode === 0;
  const unready = { status: 'False', reason: succeeded ? 'PodCompleted' : 'PodFailed', lastTransitionTime: time };
  const lowOn = 'The node was low on resource: ephemeral-storage.';
  return {
    phase: succeeded ? 'Succeeded' : 'Failed',
    ...(disrupted === 'TerminationByKubelet' ? { reason: 'Evicted', message: lowOn } : {}),
    conditions: [
      { type: 'Ready', ...unready },
      { type: 'ContainersReady', ...unready },
      ...(disrupted === undefined
        ? []
        : [{ type: 'DisruptionTarget', status: 'True', reason: disrupted, lastTransitionTime: time }]),
    ],
    containerStatuses: spec.containers.map(({ name, image }) => {
      const before = status.containerStatuses?.find((container) => container.name === name);
      return {
        name,
        image,
        imageID: '',
        restartCount: 0,
        ready: false,
        started: false,
        state: {
          running: null,
          terminated: {
            exitCode,
            reason: reason ?? (succeeded ? 'Completed' : 'Error'),
            message,
            startedAt: before?.state?.running?.startedAt ?? time,
            finishedAt: time,
          },
        },
      };
    }),
  };
}
