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

/** The cluster autoscaler takes pods below -10 for none: no teacher is above (docs/adr/0012). */
const highestTeacherPriority = -11;

/**
 * @param teachers of all jobs, bound or not
 * @param waiting pods of others that wait for a node
 * @param accelerators patterns of resource names; absent = the usual ones
 */
export function slotsOf(
  ledger: Ledger,
  teachers: readonly PodView[],
  waiting: Iterable<PodView>,
  accelerators?: readonly string[],
): Slots {
  const board = ledger.draft();
  const staying = Map.groupBy(
    teachers.filter(({ terminating, ended }) => !terminating && !ended),
    ({ worker }) => worker?.jobUid ?? '',
  );
  const supplies = new Map<string, SlotSupply>();
  const bound = teachers.filter(({ node, ended }) => node !== null && !ended);
  const ofOurs = new Map<string, number>();
  for (const { node, requests } of bound) {
    for (const [resource, slots] of Object.entries(slotsIn(requests, accelerators))) {
      const place = `${resource} ${node ?? ''}`;
      ofOurs.set(place, (ofOurs.get(place) ?? 0) + slots);
    }
  }
  const besideOthers = ({ node, requests }: PodView): number => {
    const [[resource] = ['cpu']] = Object.entries(slotsIn(requests, accelerators));
    if (node === null) return 0;
    return Math.max(0, ledger.unitsUsed(node, resource) - (ofOurs.get(`${resource} ${node}`) ?? 0));
  };
  let empty: ReturnType<Ledger['draft']> | null = null;
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
        slots: slotsIn(needs.requests, accelerators),
      })),
    leaving: bound.flatMap(({ node, terminating, requests }) => {
      const [[resource, slots] = ['cpu', 0]] = Object.entries(slotsIn(requests, accelerators));
      return terminating && node !== null ? [{ node, needs: anywhere(requests), resource, slots }] : [];
    }),
    supplyOf(resource) {
      const known = supplies.get(resource);
      if (known !== undefined) return known;
      empty ??= ledger.draft({ without: bound.map(({ uid }) => uid) });
      const supply = { total: ledger.unitsOf(resource), free: empty.unitsOf(resource) };
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

/** The slots that a pod takes: its accelerators, or its cores where it has none. */
function slotsIn(requests: LedgerPod['requests'], configured?: readonly string[]): Readonly<Record<string, number>> {
  const units = Object.entries(requests).map(([resource, amount]) => [resource, Math.ceil(amount / 1_000)] as const);
  const accelerators = units.filter(([resource, count]) => count > 0 && isAccelerator(resource, configured));
  return Object.fromEntries(accelerators.length > 0 ? accelerators : units.filter(([resource]) => resource === 'cpu'));
}

function anywhere(requests: LedgerPod['requests']): PodNeeds {
  return { requests, nodeSelector: {}, requiredTerms: null, tolerations: [] };
}
