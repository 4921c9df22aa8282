/**
 * Amounts of resources as the scheduler counts them. Every amount is a whole number of thousandths of its unit (cores,
 * bytes, devices), so that sums are exact. Pure.
 */

import { milliAmount, QuantityError } from '../../api/index.js';

/** Thousandths by resource name; a resource that is not named is 0. */
export type Amounts = Readonly<Record<string, number>>;

/** A Kubernetes quantity in thousandths, rounded up; 0 for a text that is none: the API server stores no such thing. */
export function thousandthsOf(quantity: string | number): number {
  try {
    return milliAmount(quantity);
  } catch (error) {
    if (error instanceof QuantityError) return 0;
    throw error;
  }
}

export function amountsOf(quantities: Readonly<Record<string, string | number>> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(quantities ?? {}).map(([name, quantity]) => [name, thousandthsOf(quantity)]),
  );
}

/** The part of a pod's spec that decides what it asks for. */
export interface PodResources {
  readonly containers?: readonly ContainerResources[];
  readonly initContainers?: readonly ContainerResources[];
  readonly overhead?: Readonly<Record<string, string | number>>;
  /** Of the pod as a whole (KEP-2837). */
  readonly resources?: ContainerResources['resources'];
}

interface ContainerResources {
  /** Always on an init container makes it a sidecar (KEP-753). */
  readonly restartPolicy?: string;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string | number>>;
    readonly limits?: Readonly<Record<string, string | number>>;
  };
}

/**
 * What a pod takes of its node, as the scheduler counts it: the larger of what runs at last (containers and sidecars) and
 * what each init container needs beside the sidecars before it. What is asked for the pod as a whole stands instead, for
 * the resources that may be; overhead comes on top.
 */
export function effectiveRequests(spec: PodResources): Amounts {
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const requests = requestsOf(container);
    if (container.restartPolicy === 'Always') sidecars = sum(sidecars, requests);
    starting = largest(starting, container.restartPolicy === 'Always' ? sidecars : sum(sidecars, requests));
  }
  const running = (spec.containers ?? []).map(requestsOf).reduce(sum, sidecars);
  const whole = Object.entries(amountsOf(spec.resources?.requests)).filter(([name]) => isSharedByPod(name));
  return sum({ ...largest(starting, running), ...Object.fromEntries(whole) }, amountsOf(spec.overhead));
}

/** Devices are always a container's own. */
function isSharedByPod(resource: string): boolean {
  return resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');
}

/** A limit without a request is the request, as the API server fills in. */
function requestsOf({ resources }: ContainerResources): Amounts {
  return { ...amountsOf(resources?.limits), ...amountsOf(resources?.requests) };
}

export function sum(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (one, other) => one + other);
}

export function largest(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, Math.max);
}

function combine(a: Amounts, b: Amounts, how: (one: number, other: number) => number): Amounts {
  const combined: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) combined[name] = how(combined[name] ?? 0, amount);
  return combined;
}
