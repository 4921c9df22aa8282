/** This machine as a ledger: one node, whose slots are for teachers. Pure. */
import {
  Ledger,
  type ObservedTeacher,
  type PodNeeds,
  type CurrentTeacher,
  type ClusterSlots,
} from '../../domain/index.js';

export const localNode = 'this machine';
export const slotResource = 'slots';

export const oneSlot: PodNeeds = {
  requests: { [slotResource]: 1_000 },
  nodeSelector: {},
  requiredTerms: null,
  tolerations: [],
};

/** Pods on the node are limited by slots only. */
const plenty = 1_000_000_000;

/**
 * @param held processes that still exist, stopping ones included
 * @param staying the teachers among them that are not stopping
 */
export function machineSlots(slots: number, held: number, staying: readonly CurrentTeacher[]): ClusterSlots {
  const ledger = new Ledger();
  ledger.setNode({
    name: localNode,
    labels: {},
    taints: [],
    takesPods: true,
    allocatable: { [slotResource]: slots * 1_000, pods: plenty },
  });
  for (let process = 0; process < held; process++) {
    ledger.setPod({
      uid: String(process),
      node: localNode,
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
      node: localNode,
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
