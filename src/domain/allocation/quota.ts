/** How many slots of each resource teachers may use, with reserve and pending pods taken off. Pure. */
import type { AllocationInput, PoolRequest } from './types.js';

/** Slots by resource. */
export type Slots = ReadonlyMap<string, number>;

/** What is left to grant. A resource without a reserve has no limit here: the nodes alone limit it. */
export class Quota {
  readonly #left: Map<string, number>;

  /** @param left slots by resource; a missing one is unlimited */
  constructor(left: Slots) {
    this.#left = new Map(left);
  }

  has({ resource, slotsPerReplica }: PoolRequest<unknown>): boolean {
    return (this.#left.get(resource) ?? Infinity) >= slotsPerReplica;
  }

  use({ resource, slotsPerReplica }: PoolRequest<unknown>): void {
    const left = this.#left.get(resource);
    if (left !== undefined) this.#left.set(resource, left - slotsPerReplica);
  }
}

/** The quota of the resources with a reserve. @param taken slots that others have or will have */
export function quotaBeyond(taken: Slots, { supply }: Pick<AllocationInput<unknown>, 'supply'>): Slots {
  const left = new Map<string, number>();
  for (const [resource, { freeSlots, reserveSlots }] of Object.entries(supply)) {
    if (reserveSlots > 0) left.set(resource, freeSlots - reserveSlots - (taken.get(resource) ?? 0));
  }
  return left;
}

/** Slots of the pending pods that have a node. @param nominations their nodes by uid */
export function pendingPodSlots<Needs>(
  { pendingPods }: AllocationInput<Needs>,
  nominations: ReadonlyMap<string, string | null>,
): Slots {
  const sums = new Map<string, number>();
  for (const { uid, slots } of pendingPods) {
    if (nominations.get(uid) === null) continue;
    for (const [resource, count] of Object.entries(slots)) addSlots(sums, resource, count);
  }
  return sums;
}

/** These slots, and those of all teachers with a node, leaving ones included. */
export function slotsWithTeachers<Needs>(slots: Slots, { jobs, leaving }: AllocationInput<Needs>): Slots {
  const sums = new Map(slots);
  for (const teacher of leaving) addSlots(sums, teacher.resource, teacher.slots);
  for (const { pools } of jobs) {
    for (const pool of pools) addSlots(sums, pool.resource, boundTeachers(pool) * pool.slotsPerReplica);
  }
  return sums;
}

export function addSlots(sums: Map<string, number>, resource: string, slots: number): void {
  sums.set(resource, (sums.get(resource) ?? 0) + slots);
}

/** Number of the pool's teachers that have a node. */
export function boundTeachers<Needs>({ teachers }: PoolRequest<Needs>): number {
  let bound = 0;
  for (const { node } of teachers) if (node !== null) bound++;
  return bound;
}
