/** Fills a device index from lists of the API server, as for a plan. */
import type { StoredObject } from '../api/index.js';

import type { DeviceIndex } from './device-index.js';
import {
  claimTemplateView,
  claimView,
  deviceClassView,
  type RawClaim,
  type RawClaimTemplate,
  type RawDeviceClass,
  type RawSlice,
  sliceView,
} from './device-views.js';

/** All objects of dynamic resource allocation. */
export interface DeviceObjects {
  readonly slices: readonly StoredObject[];
  readonly classes: readonly StoredObject[];
  readonly claims: readonly StoredObject[];
  readonly templates: readonly StoredObject[];
}

export function observeDevices(index: DeviceIndex, { slices, classes, claims, templates }: DeviceObjects): void {
  for (const raw of slices) index.onSlice(null, sliceView(raw as unknown as RawSlice));
  for (const raw of classes) index.onClass(null, deviceClassView(raw as unknown as RawDeviceClass));
  for (const raw of claims) index.onClaim(null, claimView(raw as unknown as RawClaim));
  for (const raw of templates) index.onTemplate(null, claimTemplateView(raw as unknown as RawClaimTemplate));
  for (const kind of ['slices', 'classes', 'claims', 'templates'] as const) index.listed(kind);
}
