/** What the teachers of all jobs draw on, from the ledger and the pods that are known. Pure. */
import { type Ledger, higherPriorityPods, type ClusterSlots, type SlotSupply } from '../../../domain/index.js';

import type { SlotCounter, TeacherBook } from './teacher-book.js';
import type { PodView } from './pod-view.js';

/** PriorityClasses of teachers are below -10, so that no autoscaler adds a node for them (design §5). */
const highestTeacherPriority = -11;

/** @param waiting pods of others without a node, with the devices that they claim among their requests */
export function slotsOf(
  ledger: Ledger,
  teachers: TeacherBook,
  waiting: Iterable<PodView>,
  slotsIn: SlotCounter,
): ClusterSlots {
  const supplies = new Map<string, SlotSupply>();
  /** Slots of pods of others, by resource and node. */
  const others = new Map<string, Map<string, number>>();
  return {
    placement: ledger.placement(),
    teachersOf: (uid) => teachers.stayingOf(uid),
    coLocatedSlots(node, resource) {
      const counted = others.get(resource) ?? new Map<string, number>();
      others.set(resource, counted);
      const known = counted.get(node);
      if (known !== undefined) return known;
      const held = teachers.heldOf(resource).get(node) ?? 0;
      const units = Math.max(0, ledger.unitsUsed(node, resource) - held);
      counted.set(node, units);
      return units;
    },
    pendingPods: higherPriorityPods(waiting, highestTeacherPriority).map((pod) => {
      return { ...pod, slots: Object.fromEntries(slotsIn(pod.needs.requests)) };
    }),
    leaving: teachers.leaving(),
    supplyOf(resource) {
      const known = supplies.get(resource);
      if (known !== undefined) return known;
      const free = ledger.unitsFree(resource, teachers.heldOf(resource));
      const supply = { total: ledger.unitsOf(resource), free };
      supplies.set(resource, supply);
      return supply;
    },
    facts: () => ledger.facts(),
  };
}
