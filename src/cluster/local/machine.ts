/** This machine as the ledger sees it: one node, whose slots are what teachers may take. Pure. */
import {
  Ledger,
  type ObservedTeacher,
  type PodNeeds,
  type CurrentTeacher,
  type ClusterSlots,
} from '../../domain/index.js';

export const thisMachine = 'this machine';
export const slotResource = 'slots';

export const oneSlot: PodNeeds = {
  requests: { [slotResource]: 1_000 },
  nodeSelector: {},
  requiredTerms: null,
  tolerations: [],
};

/** One slot a process: the ledger shall not run out of anything else. */
const plenty = 1_000_000_000;

/**
 * @param held processes that are not gone, those that were told to go among them
 * @param staying … and those that were not
 */
export function machineSlots(slots: number, held: number, staying: readonly CurrentTeacher[]): ClusterSlots {
  const ledger = new Ledger();
  ledger.setNode({
    name: thisMachine,
    labels: {},
    taints: [],
    takesPods: true,
    allocatable: { [slotResource]: slots * 1_000, pods: plenty },
  });
  for (let process = 0; process < held; process++) {
    ledger.setPod({
      uid: String(process),
      node: thisMachine,
      nominated: null,
      priority: 0,
      ended: false,
      requests: oneSlot.requests,
      claimsDevices: false,
    });
  }
  return {
    placement: ledger.placement(),
    teachersOf: () => staying,
    coLocatedSlots: () => 0,
    pendingPods: [],
    leaving: Array.from({ length: held - staying.length }, () => ({
      node: thisMachine,
      needs: oneSlot,
      resource: slotResource,
      slots: 1,
    })),
    supplyOf: () => ({ total: slots, free: slots }),
    facts: () => ledger.facts(),
  };
}

export function currentTeachersIn(pool: string, pods: readonly ObservedTeacher[]): CurrentTeacher[] {
  return pods.flatMap(({ name, node, terminating, ready, createdAtMs }) =>
    terminating ? [] : [{ pool, name, node, requests: oneSlot.requests, ready, createdAtMs }],
  );
}
