/** What a pod takes, in slots. Pure. */
import { isAccelerator, type LedgerPod } from '../../../domain/index.js';

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
