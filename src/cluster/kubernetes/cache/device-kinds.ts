/** The kinds of dynamic resource allocation: where each is listed, what is kept of it, and where the device index counts it. */
import type { ResourceKind, StoredObject } from '../api/index.js';

import type { DeviceIndex, DeviceList } from './device-index.js';
import { claimTemplateView, claimView, deviceClassView, sliceView } from './device-views.js';
import { kinds } from './kinds.js';

export interface DeviceKind {
  readonly name: DeviceList;
  readonly kind: ResourceKind;
  readonly project: (raw: StoredObject) => unknown;
  /** @param before, after what `project` returned; null = there is none */
  readonly observed: (index: DeviceIndex, before: unknown, after: unknown) => void;
}

/** @param view takes the object as the API server stores it */
function deviceKind<T>(
  name: DeviceList,
  kind: ResourceKind,
  view: (raw: never) => T,
  observed: (index: DeviceIndex, before: T | null, after: T | null) => void,
): DeviceKind {
  return {
    name,
    kind,
    project: (raw) => view(raw as never),
    observed: (index, before, after) => observed(index, before as T | null, after as T | null),
  };
}

export const deviceKinds: readonly DeviceKind[] = [
  deviceKind('slices', kinds.resourceSlices, sliceView, (index, ...change) => index.onSlice(...change)),
  deviceKind('classes', kinds.deviceClasses, deviceClassView, (index, ...change) => index.onClass(...change)),
  deviceKind('claims', kinds.resourceClaims, claimView, (index, ...change) => index.onClaim(...change)),
  deviceKind('templates', kinds.resourceClaimTemplates, claimTemplateView, (index, ...change) =>
    index.onTemplate(...change),
  ),
];

/** All objects of dynamic resource allocation. */
export type DeviceObjects = ReadonlyMap<DeviceList, readonly StoredObject[]>;

/** @throws what `list` throws */
export async function listDevices(
  list: (kind: ResourceKind) => Promise<readonly StoredObject[]>,
): Promise<DeviceObjects> {
  return new Map(await Promise.all(deviceKinds.map(async ({ name, kind }) => [name, await list(kind)] as const)));
}

/** Fills a device index from lists of the API server, as for a plan. */
export function observeDevices(index: DeviceIndex, objects: DeviceObjects): void {
  for (const { name, project, observed } of deviceKinds) {
    for (const raw of objects.get(name) ?? []) observed(index, null, project(raw));
    index.listed(name);
  }
}
