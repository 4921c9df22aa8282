/**
 * The teachers of all jobs and the slots that they hold, updated pod by pod: an allocation reads tens of thousands of
 * them.
 *
 * Invariants:
 *  teacher-book/T1 Teachers with equal requests share one `requests` object, so that comparing them is cheap.
 *  teacher-book/T2 Nothing is kept of teachers that are gone.
 *  teacher-book/T3 A teacher that Kueue holds for lack of quota is not in the book: it takes no slot (domain/job/quota.ts).
 */
import {
  type ClusterSlots,
  type CurrentTeacher,
  isAccelerator,
  type LedgerPod,
  type PodNeeds,
} from '../../../domain/index.js';

import type { PodView } from './pod-view.js';

/** Requests that several teachers share. */
interface SharedRequests {
  readonly signature: string;
  readonly requests: PodView['requests'];
  readonly slots: ReturnType<SlotCounter>;
  /** Number of teachers with these requests. */
  teachers: number;
}

interface Entry {
  readonly teacher: CurrentTeacher;
  readonly terminating: boolean;
  readonly shared: SharedRequests;
}

const none: ReadonlyMap<string, number> = new Map();

export class TeacherBook {
  readonly #slotsIn: SlotCounter;
  /** By uid of the job and of the pod. */
  readonly #jobs = new Map<string, Map<string, Entry>>();
  /** On a node and stopping. */
  readonly #leaving = new Set<Entry>();
  /** Slots held, by resource and node. */
  readonly #held = new Map<string, Map<string, number>>();
  readonly #shared = new Map<string, SharedRequests>();

  constructor(slotsIn: SlotCounter) {
    this.#slotsIn = slotsIn;
  }

  set(jobUid: string, pod: PodView): void {
    if (pod.ended || pod.worker?.gated === true) {
      this.remove(jobUid, pod.uid);
      return;
    }
    const { name, node, worker, terminating } = pod;
    const shared = this.#sharedRequests(pod);
    const { pool = '', ready = false, createdAtMs = 0 } = worker ?? {};
    const entry: Entry = {
      teacher: { pool, name, node, requests: shared.requests, ready, createdAtMs },
      terminating,
      shared,
    };
    const teachers = this.#jobs.get(jobUid) ?? new Map<string, Entry>();
    this.#discount(teachers.get(pod.uid));
    this.#jobs.set(jobUid, teachers);
    teachers.set(pod.uid, entry);
    this.#count(entry, 1);
    if (terminating && node !== null) this.#leaving.add(entry);
  }

  remove(jobUid: string, podUid: string): void {
    const teachers = this.#jobs.get(jobUid);
    if (teachers === undefined) return;
    this.#discount(teachers.get(podUid));
    teachers.delete(podUid);
    if (teachers.size === 0) this.#jobs.delete(jobUid);
  }

  /** Teachers of the job that are not stopping. */
  stayingOf(jobUid: string): CurrentTeacher[] {
    const staying: CurrentTeacher[] = [];
    for (const { teacher, terminating } of this.#jobs.get(jobUid)?.values() ?? []) {
      if (!terminating) staying.push(teacher);
    }
    return staying;
  }

  /** Stopping teachers of all jobs that still hold a node. */
  leaving(): ClusterSlots['leaving'] {
    return [...this.#leaving].map(({ teacher, shared: { requests, slots } }) => {
      const [[resource, count] = ['cpu', 0]] = slots;
      const needs: PodNeeds = { requests, nodeSelector: {}, requiredTerms: null, tolerations: [] };
      return { node: teacher.node ?? '', needs, resource, slots: count };
    });
  }

  /** Slots of a resource that teachers hold, by node, stopping ones included. */
  heldOf(resource: string): ReadonlyMap<string, number> {
    return this.#held.get(resource) ?? none;
  }

  #sharedRequests({ requests }: PodView): SharedRequests {
    const signature = JSON.stringify(requests);
    const known = this.#shared.get(signature) ?? { signature, requests, slots: this.#slotsIn(requests), teachers: 0 };
    known.teachers++;
    this.#shared.set(signature, known);
    return known;
  }

  #discount(entry: Entry | undefined): void {
    if (entry === undefined) return;
    this.#count(entry, -1);
    this.#leaving.delete(entry);
    if (--entry.shared.teachers === 0) this.#shared.delete(entry.shared.signature);
  }

  #count({ teacher: { node }, shared }: Entry, times: 1 | -1): void {
    if (node === null) return;
    for (const [resource, slots] of shared.slots) {
      const onNodes = this.#held.get(resource) ?? new Map<string, number>();
      const held = (onNodes.get(node) ?? 0) + times * slots;
      if (held === 0) onNodes.delete(node);
      else onNodes.set(node, held);
      if (onNodes.size === 0) this.#held.delete(resource);
      else this.#held.set(resource, onNodes);
    }
  }
}

/** The slots that a pod takes, by resource: its accelerators, or its cores if it has none. */
export type SlotCounter = (requests: LedgerPod['requests']) => readonly (readonly [resource: string, slots: number])[];

/**
 * Counts once per object of requests: one allocation after the other asks for the same ones.
 * @param accelerators patterns of resource names; absent = the usual ones
 */
export function slotCounter(accelerators?: readonly string[]): SlotCounter {
  const counted = new WeakMap<LedgerPod['requests'], ReturnType<SlotCounter>>();
  const count = (requests: LedgerPod['requests']): ReturnType<SlotCounter> => {
    const units = Object.entries(requests).map(([resource, amount]) => [resource, Math.ceil(amount / 1_000)] as const);
    const devices = units.filter(([resource, slots]) => slots > 0 && isAccelerator(resource, accelerators));
    return devices.length > 0 ? devices : units.filter(([resource]) => resource === 'cpu');
  };
  return (requests) => {
    const known = counted.get(requests) ?? count(requests);
    counted.set(requests, known);
    return known;
  };
}
