/** Devices of dynamic resource allocation (DRA) as resources: those of one driver on one node are alike. Pure. */

const prefix = 'dra/';

/** The resource that counts the devices of a driver. No resource of Kubernetes is named so: none begins with `dra/`. */
export function deviceResource(driver: string): string {
  return `${prefix}${driver}`;
}

export function isDeviceResource(resource: string): boolean {
  return resource.startsWith(prefix);
}

/** What a pool counts as slots: the resource that it names, else the devices that it claims, else cores. */
export function slotResource(named: string | undefined, requests: Readonly<Record<string, number>>): string {
  return named ?? Object.keys(requests).find(isDeviceResource) ?? 'cpu';
}

/** Stands for the driver of a device class that names none; no node has its devices. */
export function noDriver(className: string): string {
  return `?${className}`;
}
