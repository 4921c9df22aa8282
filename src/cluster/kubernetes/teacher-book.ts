/**
 * The teachers of all jobs and the slots that they hold, kept up to date pod by pod: a share reads tens of thousands of
 * them.
 *
 * Invariants:
 *  teacher-book/T1 Teachers that ask alike have one and the same `requests`: whoever compares them sees so at once.
 *  teacher-book/T2 Nothing is kept of teachers that are gone.
 */
import type { PodNeeds, CurrentTeacher, ClusterSlots } from '../../domain/index.js';

import type { SlotCounter } from './slot-counter.js';
import type { PodView } from './views.js';

/** What teachers that ask alike ask for. */
interface Asks {
  readonly signature: string;
  readonly requests: PodView['requests'];
  readonly slots: ReturnType<SlotCounter>;
  /** How many teachers ask for it. */
  teachers: number;
}

interface Booked {
  readonly seated: CurrentTeacher;
  readonly terminating: boolean;
  readonly asks: Asks;
}

const none: ReadonlyMap<string, number> = new Map();

export class TeacherBook {
  readonly #slotsIn: SlotCounter;
  /** By job and uid of the pod. */
  readonly #jobs = new Map<string, Map<string, Booked>>();
  /** Bound, and told to go. */
  readonly #leaving = new Set<Booked>();
  /** Slots by resource and node. */
  readonly #held = new Map<string, Map<string, number>>();
  readonly #asks = new Map<string, Asks>();

  constructor(slotsIn: SlotCounter) {
    this.#slotsIn = slotsIn;
  }

  set(jobUid: string, pod: PodView): void {
    if (pod.ended) {
      this.remove(jobUid, pod.uid);
      return;
    }
    const { name, node, worker, terminating } = pod;
    const asks = this.#asksOf(pod);
    const { pool = '', ready = false, createdAtMs = 0 } = worker ?? {};
    const booked: Booked = {
      seated: { pool, name, node, requests: asks.requests, ready, createdAtMs },
      terminating,
      asks,
    };
    const teachers = this.#jobs.get(jobUid) ?? new Map<string, Booked>();
    this.#takeOff(teachers.get(pod.uid));
    this.#jobs.set(jobUid, teachers);
    teachers.set(pod.uid, booked);
    this.#count(booked, 1);
    if (terminating && node !== null) this.#leaving.add(booked);
  }

  remove(jobUid: string, podUid: string): void {
    const teachers = this.#jobs.get(jobUid);
    if (teachers === undefined) return;
    this.#takeOff(teachers.get(podUid));
    teachers.delete(podUid);
    if (teachers.size === 0) this.#jobs.delete(jobUid);
  }

  /** Those that were not told to go. */
  stayingOf(jobUid: string): CurrentTeacher[] {
    const staying: CurrentTeacher[] = [];
    for (const { seated, terminating } of this.#jobs.get(jobUid)?.values() ?? []) {
      if (!terminating) staying.push(seated);
    }
    return staying;
  }

  /** Those of all jobs that were, and are not gone. */
  leaving(): ClusterSlots['leaving'] {
    return [...this.#leaving].map(({ seated, asks: { requests, slots } }) => {
      const [[resource, count] = ['cpu', 0]] = slots;
      const needs: PodNeeds = { requests, nodeSelector: {}, requiredTerms: null, tolerations: [] };
      return { node: seated.node ?? '', needs, resource, slots: count };
    });
  }

  /** Slots of a resource that teachers hold, by node: those that were told to go, too. */
  heldOf(resource: string): ReadonlyMap<string, number> {
    return this.#held.get(resource) ?? none;
  }

  #asksOf({ requests }: PodView): Asks {
    const signature = JSON.stringify(requests);
    const known = this.#asks.get(signature) ?? { signature, requests, slots: this.#slotsIn(requests), teachers: 0 };
    known.teachers++;
    this.#asks.set(signature, known);
    return known;
  }

  #takeOff(booked: Booked | undefined): void {
    if (booked === undefined) return;
    this.#count(booked, -1);
    this.#leaving.delete(booked);
    if (--booked.asks.teachers === 0) this.#asks.delete(booked.asks.signature);
  }

  #count({ seated: { node }, asks }: Booked, times: 1 | -1): void {
    if (node === null) return;
    for (const [resource, slots] of asks.slots) {
      const onNodes = this.#held.get(resource) ?? new Map<string, number>();
      const held = (onNodes.get(node) ?? 0) + times * slots;
      if (held === 0) onNodes.delete(node);
      else onNodes.set(node, held);
      if (onNodes.size === 0) this.#held.delete(resource);
      else this.#held.set(resource, onNodes);
    }
  }
}
