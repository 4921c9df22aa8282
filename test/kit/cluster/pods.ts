/**
 * Ends of pods on nodes that do not exist, reported as a kubelet would report them. kwok starts pods, lets them run for
 * ever and buries the deleted ones; how else one ends, a test says here.
 */
import type { Api } from './api.js';

/** Why Kubernetes itself took a pod away, for which it does not blame the pod. */
export type Disruption =
  | 'DeletionByTaintManager'
  | 'EvictionByEvictionAPI'
  | 'PreemptionByScheduler'
  /** The node ran short of something, and its kubelet evicted the pod. */
  | 'TerminationByKubelet';

/** How a pod's containers ended. */
export interface PodEnd {
  readonly exitCode: number;
  /** What they wrote to their termination log. */
  readonly message?: string;
  /** Completed or Error when absent; OOMKilled and the like. */
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
  // Strategic: conditions and containers that are not named here stay as they are.
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
