/**
 * The teachers of all jobs and the slots that they hold, updated pod by pod: an allocation reads tens of thousands of
 * them.
 *
 * Invariants:
 *  teacher-book/T1 Teachers with equal requests share one `requests` object, so that comparing them is cheap.
 *  teacher-book/T2 Nothing is kept of teachers that are gone.
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
interface Asks {
  readonly signature: string;
  readonly requests: PodView['requests'];
  readonly slots: ReturnType<SlotCounter>;
  /** Number of teachers with these requests. */
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
  /** By uid of the job and of the pod. */
  readonly #jobs = new Map<string, Map<string, Booked>>();
  /** On a node and stopping. */
  readonly #leaving = new Set<Booked>();
  /** ClusterSlots held, by resource and node. */
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

  /** Teachers of the job that are not stopping. */
  stayingOf(jobUid: string): CurrentTeacher[] {
    const staying: CurrentTeacher[] = [];
    for (const { seated, terminating } of this.#jobs.get(jobUid)?.values() ?? []) {
      if (!terminating) staying.push(seated);
    }
    return staying;
  }

  /** Stopping teachers of all jobs that still hold a node. */
  leaving(): ClusterSlots['leaving'] {
    return [...this.#leaving].map(({ seated, asks: { requests, slots } }) => {
      const [[resource, count] = ['cpu', 0]] = slots;
      const needs: PodNeeds = { requests, nodeSelector: {}, requiredTerms: null, tolerations: [] };
      return { node: seated.node ?? '', needs, resource, slots: count };
    });
  }

  /** ClusterSlots of a resource that teachers hold, by node, stopping ones included. */
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
