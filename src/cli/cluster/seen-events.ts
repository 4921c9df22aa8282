/** Events of a job and of what the operator made for it. Pure. */
import { sharedName, studentName, teacherName } from '../../api/index.js';
import type { DistillJob } from '../../api/index.js';
import type { StoredObject } from '../../cluster/kubernetes/index.js';

export interface SeenEvent {
  readonly atMs: number;
  readonly severity: 'Normal' | 'Warning';
  readonly reason: string;
  /** Such as `Pod/mnist-student-x7k2p`; the job itself is `DistillJob/mnist`. */
  readonly about: string;
  readonly times: number;
  readonly message: string;
}

interface RawEvent {
  readonly involvedObject?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** @returns the events about one object alone */
export function eventsAbout(objects: readonly StoredObject[], uid: string): StoredObject[] {
  return objects.filter((object) => (object as unknown as RawEvent).involvedObject?.uid === uid);
}

/** @returns the events about this job, the latest last */
export function eventsOf(objects: readonly StoredObject[], job: DistillJob): SeenEvent[] {
  const { uid } = job.metadata;
  return objects
    .map((object) => ({ raw: object as unknown as RawEvent, createdAt: object.metadata.creationTimestamp }))
    .filter(
      ({ raw: { involvedObject: about } }) =>
        about?.uid === uid || (about?.kind !== job.kind && isOfWorker(about?.name ?? '', job)),
    )
    .map(({ raw, createdAt }) => ({
      atMs: Date.parse(raw.series?.lastObservedTime ?? raw.lastTimestamp ?? raw.eventTime ?? createdAt ?? '') || 0,
      severity: raw.type === 'Warning' ? ('Warning' as const) : ('Normal' as const),
      reason: raw.reason ?? '',
      about: `${raw.involvedObject?.kind ?? ''}/${raw.involvedObject?.name ?? ''}`,
      times: raw.series?.count ?? raw.count ?? 1,
      message: raw.message ?? '',
    }))
    .sort((a, b) => a.atMs - b.atMs);
}

/** What Kubernetes appends to the names of pods. */
const podSuffix = /^-[a-z0-9]{5}$/;

/** By name: the objects themselves may be gone, and the events of an hour say why. */
function isOfWorker(about: string, job: DistillJob): boolean {
  const student = studentName(job.metadata.name);
  if (about.startsWith(student)) return about === student || podSuffix.test(about.slice(student.length));
  const { name } = job.metadata;
  const teachers = job.spec.teacher.pools.map((pool) => teacherName(name, pool.name));
  // Also of a pool that the job had before.
  return about === sharedName(name) || [...teachers, `${name}-teacher-`].some((start) => about.startsWith(start));
}
