/** The slots that teachers may have of each resource, reserve left out. Pure. */
import type { PoolClaim, ShareInput } from './types.js';

/** Slots by resource; one without a reserve is not in it, and is bounded by the nodes alone. */
export type Budget = ReadonlyMap<string, number>;

/** @param taken slots by resource that others have or will have */
export function budgetOf({ supply }: Pick<ShareInput<unknown>, 'supply'>, taken: ReadonlyMap<string, number>): Budget {
  const left = new Map<string, number>();
  for (const [resource, { freeSlots, reserveSlots }] of Object.entries(supply)) {
    if (reserveSlots > 0) left.set(resource, freeSlots - reserveSlots - (taken.get(resource) ?? 0));
  }
  return left;
}

export interface Purse {
  /** Whether so many slots are left to give. */
  holds(resource: string, slots: number): boolean;
  spend(resource: string, slots: number): void;
}

export function purseOf(budget: Budget): Purse {
  const left = new Map(budget);
  return {
    holds: (resource, slots) => (left.get(resource) ?? Infinity) >= slots,
    spend(resource, slots) {
      const before = left.get(resource);
      if (before !== undefined) left.set(resource, before - slots);
    },
  };
}

export function addSlots(sums: Map<string, number>, resource: string, slots: number): void {
  sums.set(resource, (sums.get(resource) ?? 0) + slots);
}

/** Teachers of a pool that have a node. */
export function boundIn<Needs>({ teachers }: PoolClaim<Needs>): number {
  let bound = 0;
  for (const { node } of teachers) if (node !== null) bound++;
  return bound;
}
