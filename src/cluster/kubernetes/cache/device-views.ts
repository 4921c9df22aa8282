/**
 * What the operator keeps of the objects of dynamic resource allocation (DRA, resource.k8s.io/v1): who has how many devices, and
 * which claims hold them. Pure.
 */
import { type Amounts, deviceResource, noDriver } from '../../../domain/index.js';

import type { RawObject } from './views.js';

/** The devices of one ResourceSlice. */
export interface SliceView {
  readonly name: string;
  readonly driver: string;
  readonly pool: string;
  /** Slices of an older generation of their pool do not count. */
  readonly generation: number;
  /** null = the devices belong to no single node, and are not counted. */
  readonly node: string | null;
  /** Devices that new pods may get. */
  readonly devices: number;
}

/** The device class of one request, and how many devices of it. */
export interface DeviceAsk {
  readonly className: string;
  readonly count: number;
}

export interface ClaimView {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly asks: readonly DeviceAsk[];
  /** Allocated devices by `driver/pool`. */
  readonly held: ReadonlyMap<string, number>;
}

export interface ClaimTemplateView {
  readonly namespace: string;
  readonly name: string;
  readonly asks: readonly DeviceAsk[];
}

export interface DeviceClassView {
  readonly name: string;
  /** null = its selectors do not name one. */
  readonly driver: string | null;
  /** The extended resource that its devices serve (KEP-5004); null = none. */
  readonly extendedResource: string | null;
}

/** A claim of a pod, by the template that it is made from or by its own name. */
export interface PodClaim {
  readonly template: string | null;
  readonly claim: string | null;
}

interface RawTaint {
  readonly effect?: string;
}

export interface RawSlice extends RawObject {
  readonly spec: {
    readonly driver: string;
    readonly pool: { readonly name: string; readonly generation?: number };
    readonly nodeName?: string;
    readonly devices?: readonly { readonly taints?: readonly RawTaint[] }[];
  };
}

interface RawSubRequest {
  readonly deviceClassName?: string;
  readonly count?: number;
}

interface RawClaimSpec {
  readonly devices?: {
    readonly requests?: readonly {
      readonly exactly?: RawSubRequest & { readonly adminAccess?: boolean };
      readonly firstAvailable?: readonly RawSubRequest[];
    }[];
  };
}

export interface RawClaim extends RawObject {
  readonly spec: RawClaimSpec;
  readonly status?: {
    readonly allocation?: {
      readonly devices?: {
        readonly results?: readonly {
          readonly driver: string;
          readonly pool: string;
          readonly device: string;
          readonly adminAccess?: boolean;
        }[];
      };
    };
  };
}

export interface RawClaimTemplate extends RawObject {
  readonly spec: { readonly spec: RawClaimSpec };
}

export interface RawDeviceClass extends RawObject {
  readonly spec: {
    readonly selectors?: readonly { readonly cel?: { readonly expression?: string } }[];
    readonly extendedResourceName?: string;
  };
}

export function sliceView({ metadata, spec }: RawSlice): SliceView {
  const { driver, pool, nodeName = '', devices = [] } = spec;
  return {
    name: metadata.name,
    driver,
    pool: pool.name,
    generation: pool.generation ?? 0,
    node: nodeName === '' ? null : nodeName,
    devices: devices.filter(({ taints = [] }) => taints.every(({ effect }) => effect === 'None')).length,
  };
}

export function claimView({ metadata, spec, status }: RawClaim): ClaimView {
  // A device that several requests of a claim share is listed for each of them.
  const devices = new Set<string>();
  const held = new Map<string, number>();
  for (const { driver, pool, device, adminAccess } of status?.allocation?.devices?.results ?? []) {
    const key = poolKey({ driver, pool });
    // An administrator's access to a device takes it from no pod.
    if (adminAccess === true || devices.has(`${key}/${device}`)) continue;
    devices.add(`${key}/${device}`);
    held.set(key, (held.get(key) ?? 0) + 1);
  }
  return { uid: metadata.uid, namespace: metadata.namespace, name: metadata.name, asks: asksOf(spec), held };
}

export function claimTemplateView({ metadata, spec }: RawClaimTemplate): ClaimTemplateView {
  return { namespace: metadata.namespace, name: metadata.name, asks: asksOf(spec.spec) };
}

/** A selector that fixes the driver: `device.driver == "gpu.example.com"`, alone or before `&&`. */
const ofDriver = /^\s*\(?\s*device\.driver\s*==\s*(["'])([^"']+)\1\s*\)?\s*(&&|$)/;

export function deviceClassView({ metadata, spec }: RawDeviceClass): DeviceClassView {
  const drivers = (spec.selectors ?? []).map(({ cel }) => ofDriver.exec(cel?.expression ?? '')?.[2]);
  const driver = drivers.find((one) => one !== undefined) ?? null;
  return { name: metadata.name, driver, extendedResource: spec.extendedResourceName ?? null };
}

export function poolKey({ driver, pool }: Pick<SliceView, 'driver' | 'pool'>): string {
  return `${driver}/${pool}`;
}

/** Of several that would do, the first: the one that the scheduler prefers. A request for all devices counts as one for one. */
function asksOf({ devices = {} }: RawClaimSpec): DeviceAsk[] {
  return (devices.requests ?? []).flatMap(({ exactly, firstAvailable }) => {
    const ask = exactly ?? firstAvailable?.[0];
    if (ask?.deviceClassName === undefined || exactly?.adminAccess === true) return [];
    return [{ className: ask.deviceClassName, count: ask.count ?? 1 }];
  });
}

/** Requested devices as resources of the ledger; those of a class without a driver are a resource that no node has. */
export function deviceAmounts(asks: readonly DeviceAsk[], driverOf: (className: string) => string | null): Amounts {
  const amounts: Record<string, number> = {};
  for (const { className, count } of asks) {
    const resource = deviceResource(driverOf(className) ?? noDriver(className));
    amounts[resource] = (amounts[resource] ?? 0) + count * 1_000;
  }
  return amounts;
}
