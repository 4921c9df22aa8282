/** The devices of a cluster and who holds them, from lists of the API server: for people. Pure. */
import type { Amounts } from '../../../domain/index.js';

import { DeviceIndex } from './device-index.js';
import { type DeviceObjects, observeDevices } from './device-kinds.js';

/** Devices of one node that an allocated claim holds. */
export interface HeldDevices {
  readonly node: string;
  readonly amounts: Amounts;
  /** Uids of the pods that share the claim; empty after they are gone, until it is deallocated. */
  readonly pods: readonly string[];
}

export interface DevicesSeen {
  /** What drivers offer, by node, as resources of the ledger. */
  readonly offered: ReadonlyMap<string, Amounts>;
  readonly held: readonly HeldDevices[];
}

interface RawReservations {
  readonly status?: { readonly reservedFor?: readonly { readonly resource?: string; readonly uid?: string }[] };
}

/** Counts as the operator's ledger does. */
export function devicesSeen(objects: DeviceObjects): DevicesSeen {
  const offered = new Map<string, Amounts>();
  const claims = new Map<string, ReadonlyMap<string, Amounts>>();
  const counter = new DeviceIndex({
    setDevices: (node, devices) => offered.set(node, devices),
    setClaim: (uid, held) => claims.set(uid, held),
    removeClaim: (uid) => claims.delete(uid),
    countDevices: () => undefined,
    setAliases: () => undefined,
  });
  observeDevices(counter, objects);
  const held = (objects.get('claims') ?? []).flatMap((claim): HeldDevices[] => {
    const { status } = claim as RawReservations;
    const pods = (status?.reservedFor ?? []).flatMap(({ resource, uid }) => (resource === 'pods' ? (uid ?? []) : []));
    return Array.from(claims.get(claim.metadata.uid) ?? [], ([node, amounts]) => ({ node, amounts, pods }));
  });
  return { offered, held };
}
