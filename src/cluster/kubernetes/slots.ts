/** What the teachers of all jobs draw on, from the ledger and the pods that are known. Pure. */
import {
  isAccelerator,
  type Ledger,
  type LedgerPod,
  neighboursOf,
  type PodNeeds,
  type SeatedTeacher,
  type Slots,
  type SlotSupply,
} from '../../domain/index.js';

import type { PodView } from './views.js';

/** Classes of teachers are below -10, so that no autoscaler starts a node for them (DESIGN §5). */
const highestTeacherPriority = -11;

/** The slots that a pod takes, by resource: its accelerators, or its cores where it has none. */
export type SlotCounter = (requests: LedgerPod['requests']) => readonly (readonly [resource: string, slots: number])[];

/**
 * Counts once for each pod: shares are made again and again of the same ones.
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

/**
 * @param teachers of all jobs, bound or not
 * @param waiting pods of others that wait for a node
 */
export function slotsOf(
  ledger: Ledger,
  teachers: readonly PodView[],
  waiting: Iterable<PodView>,
  slotsIn: SlotCounter,
): Slots {
  const board = ledger.draft();
  const staying = Map.groupBy(
    teachers.filter(({ terminating, ended }) => !terminating && !ended),
    ({ worker }) => worker?.jobUid ?? '',
  );
  const supplies = new Map<string, SlotSupply>();
  const bound = teachers.filter(({ node, ended }) => node !== null && !ended);
  /** Slots of teachers, by resource and node. */
  const ofOurs = new Map<string, Map<string, number>>();
  for (const { node, requests } of bound) {
    for (const [resource, slots] of node === null ? [] : slotsIn(requests)) {
      const onNodes = ofOurs.get(resource) ?? new Map<string, number>();
      ofOurs.set(resource, onNodes);
      onNodes.set(node ?? '', (onNodes.get(node ?? '') ?? 0) + slots);
    }
  }
  const besideOthers = ({ node, requests }: PodView): number => {
    const [[resource] = ['cpu']] = slotsIn(requests);
    if (node === null) return 0;
    return Math.max(0, ledger.unitsUsed(node, resource) - (ofOurs.get(resource)?.get(node) ?? 0));
  };
  return {
    board,
    teachersOf: (uid) => (staying.get(uid) ?? []).map((pod) => seatedTeacher(pod, besideOthers(pod))),
    // The ledger keeps the place of one that was nominated to a node.
    neighbours: neighboursOf(waiting, highestTeacherPriority)
      .filter(({ nominated }) => nominated === null)
      .map(({ uid, needs, priority, sinceMs }) => ({
        uid,
        needs,
        priority,
        createdAtMs: sinceMs,
        slots: Object.fromEntries(slotsIn(needs.requests)),
      })),
    leaving: bound.flatMap(({ node, terminating, requests }) => {
      if (!terminating || node === null) return [];
      const [[resource, slots] = ['cpu', 0]] = slotsIn(requests);
      return [{ node, needs: anywhere(requests), resource, slots }];
    }),
    supplyOf(resource) {
      const known = supplies.get(resource);
      if (known !== undefined) return known;
      const supply = {
        total: ledger.unitsOf(resource),
        free: ledger.unitsFree(resource, ofOurs.get(resource) ?? new Map<string, number>()),
      };
      supplies.set(resource, supply);
      return supply;
    },
    account: () => ledger.facts(),
  };
}

function seatedTeacher({ name, node, requests, worker }: PodView, besideOthers: number): SeatedTeacher {
  const { pool = '', ready = false, createdAtMs = 0 } = worker ?? {};
  return { pool, name, node, requests, ready, besideOthers, createdAtMs };
}

function anywhere(requests: LedgerPod['requests']): PodNeeds {
  return { requests, nodeSelector: {}, requiredTerms: null, tolerations: [] };
}
