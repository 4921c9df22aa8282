/** A job's pods, as people read them. Pure. */
import { podView, type StoredObject } from '../../cluster/kubernetes/index.js';

export interface WorkerPod {
  readonly name: string;
  readonly namespace: string;
  readonly job: string;
  readonly role: 'teacher' | 'student';
  /** Empty for a student. */
  readonly pool: string;
  /** null = it has none yet. */
  readonly node: string | null;
  readonly state: 'Pending' | 'Starting' | 'Ready' | 'Ending' | 'Succeeded' | 'Failed';
  readonly restarts: number;
  readonly ageSeconds: number;
  /** What it asks for: whole units of each resource. */
  readonly requests: Readonly<Record<string, number>>;
  /** Why it does not run, if a person has to act, or how its last container failed; null otherwise. */
  readonly problem: string | null;
}

/** @returns the worker pods among the objects: the student first, then teachers by pool and age */
export function workerPods(objects: readonly StoredObject[], nowMs: number): WorkerPod[] {
  return objects
    .flatMap((object) => workerPod(object, nowMs) ?? [])
    .sort((a, b) => order(a).localeCompare(order(b)) || b.ageSeconds - a.ageSeconds || a.name.localeCompare(b.name));
}

const order = ({ job, role, pool }: WorkerPod): string => `${job} ${role === 'student' ? '0' : '1'} ${pool}`;

function workerPod(object: StoredObject, nowMs: number): WorkerPod | null {
  const view = podView(object as unknown as Parameters<typeof podView>[0]);
  const { worker } = view;
  if (worker === null) return null;
  return {
    name: view.name,
    namespace: view.namespace,
    job: worker.jobName,
    role: worker.component,
    pool: worker.pool,
    node: view.node,
    state: stateOf(view),
    restarts: worker.restarts,
    ageSeconds: Math.max(0, Math.round((nowMs - worker.createdAtMs) / 1_000)),
    requests: Object.fromEntries(
      Object.entries(view.requests).map(([resource, thousandths]) => [resource, thousandths / 1_000]),
    ),
    problem: problemOf(view),
  };
}

type View = ReturnType<typeof podView>;

function stateOf({ ended, terminating, node, worker }: View): WorkerPod['state'] {
  if (ended) return worker?.failed === true ? 'Failed' : 'Succeeded';
  if (terminating) return 'Ending';
  if (node === null) return 'Pending';
  return worker?.ready === true ? 'Ready' : 'Starting';
}

function problemOf({ worker, terminating }: View): string | null {
  if (worker === null || terminating) return null;
  if (worker.stuck !== null) return worker.stuck;
  const { lastEnd, ready } = worker;
  if (ready || lastEnd === null || lastEnd.exitCode === 0) return null;
  const said = lastEnd.message === '' ? lastEnd.reason : lastEnd.message;
  return `its container ended with ${String(lastEnd.exitCode)}${said === '' ? '' : `: ${said}`}`;
}
