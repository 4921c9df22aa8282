/**
 * Amounts of resources as the scheduler of Kubernetes 1.35 counts them (PodRequests in k8s.io/component-helpers/resource).
 * Every amount is a whole number of thousandths of its unit (cores, bytes, devices), so that sums are exact. Pure.
 *
 * Invariants:
 *  A1 What a pod takes is whole bytes and whole devices, rounded up pod by pod; only cores have thousandths. The API server
 *     stores nothing finer than a thousandth.
 *  A2 Being multiples of 1000, sums of bytes are exact up to 2^56 thousandths: 72 TB a node.
 */

import { milliAmount, QuantityError } from '../../api/index.js';

/** Thousandths by resource name; a resource that is not named is 0. */
export type Amounts = Readonly<Record<string, number>>;

type Quantities = Readonly<Record<string, string | number>>;

/** A Kubernetes quantity in thousandths, rounded up; 0 for a text that is none: the API server stores no such thing. */
export function thousandthsOf(quantity: string | number): number {
  try {
    return milliAmount(quantity);
  } catch (error) {
    if (error instanceof QuantityError) return 0;
    throw error;
  }
}

export function amountsOf(quantities: Quantities | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(quantities ?? {}).map(([name, quantity]) => [name, thousandthsOf(quantity)]),
  );
}

/** The part of a pod's spec that decides what it asks for. */
export interface PodResources {
  readonly containers?: readonly ContainerResources[];
  readonly initContainers?: readonly ContainerResources[];
  readonly overhead?: Quantities;
  /** Of the pod as a whole (KEP-2837). */
  readonly resources?: Requirements;
}

interface ContainerResources {
  readonly name?: string;
  /** Always on an init container makes it a sidecar (KEP-753). */
  readonly restartPolicy?: string;
  readonly resources?: Requirements;
}

interface Requirements {
  readonly requests?: Quantities;
  readonly limits?: Quantities;
}

/** The part of a pod's status by which it takes more or less than its spec says: a resize in place (KEP-1287). */
export interface PodResourcesStatus {
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
  readonly containerStatuses?: readonly ResizedContainer[];
  readonly initContainerStatuses?: readonly ResizedContainer[];
  /** Of the pod as a whole; kubelets of 1.35 say it only with InPlacePodLevelResourcesVerticalScaling. */
  readonly resources?: Requirements;
  readonly allocatedResources?: Quantities;
}

export interface ResizedContainer {
  readonly name: string;
  /** What runs. */
  readonly resources?: Requirements;
  /** What the kubelet has admitted. */
  readonly allocatedResources?: Quantities;
}

/**
 * What a pod takes of its node, as the scheduler counts it: the larger of what runs at last (containers and sidecars) and
 * what each init container needs beside the sidecars before it. What is asked for the pod as a whole stands instead, for
 * the resources that may be; overhead comes on top. While a pod is resized, each part counts as the most of what is asked,
 * admitted and running; an ask that its node can never grant counts nothing.
 * @param status absent: that of a pod which has yet to run
 */
export function effectiveRequests(spec: PodResources, status: PodResourcesStatus = {}): Amounts {
  const running = new Map(
    [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].map((told) => [told.name, told]),
  );
  const refused = isRefusedResize(status);
  const requestsOf = (container: ContainerResources): Amounts => {
    const told = running.get(container.name ?? '');
    const asked = askedBy(container.resources);
    return told?.resources === undefined ? asked : resized(asked, told, refused);
  };
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const isSidecar = container.restartPolicy === 'Always';
    // The status of one that runs once says nothing about what it will ask for when it runs again.
    const requests = isSidecar ? requestsOf(container) : askedBy(container.resources);
    const beside = sum(sidecars, requests);
    if (isSidecar) sidecars = beside;
    starting = largest(starting, beside);
  }
  const lasting = (spec.containers ?? []).map(requestsOf).reduce(sum, sidecars);
  const ofContainers = largest(starting, lasting);
  const asked = askedOfPod(spec.resources, ofContainers);
  const ofPod = status.resources === undefined ? asked : pick(resized(asked, status, refused), Object.keys(asked));
  return wholeUnits(sum({ ...ofContainers, ...ofPod }, amountsOf(spec.overhead)));
}

/**
 * A limit without a request is the request: filled in by the API server in pods, and not yet in their templates
 * (SetDefaults_Pod).
 */
function askedBy(resources: Requirements | undefined): Amounts {
  if (resources === undefined) return {};
  return { ...amountsOf(resources.limits), ...amountsOf(resources.requests) };
}

/**
 * Of the pod as a whole. A limit alone is the request where no container asks for the resource (defaultPodRequests); huge
 * pages are requested as they are limited in any case. Devices are always a container's own.
 */
function askedOfPod(resources: Requirements | undefined, ofContainers: Amounts): Amounts {
  if (resources === undefined) return {};
  const limits = Object.entries(amountsOf(resources.limits)).filter(
    ([name]) => isHugePages(name) || ofContainers[name] === undefined,
  );
  const asked = [...limits, ...Object.entries(amountsOf(resources.requests))];
  return Object.fromEntries(asked.filter(([name]) => name === 'cpu' || name === 'memory' || isHugePages(name)));
}

function isHugePages(resource: string): boolean {
  return resource.startsWith('hugepages-');
}

/** determineEffectiveRequests of component-helpers. */
function resized(
  asked: Amounts,
  { resources, allocatedResources }: Omit<ResizedContainer, 'name'>,
  refused: boolean,
): Amounts {
  const granted = largest(amountsOf(resources?.requests), amountsOf(allocatedResources));
  return refused ? granted : largest(asked, granted);
}

/** IsPodResizeInfeasible of component-helpers. */
function isRefusedResize({ conditions }: PodResourcesStatus): boolean {
  return conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible';
}

function pick(amounts: Amounts, names: readonly string[]): Amounts {
  return Object.fromEntries(names.map((name) => [name, amounts[name] ?? 0]));
}

/** As the scheduler reads what a pod asks for and what a node has (A1). */
export function wholeUnits(amounts: Amounts): Amounts {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [
      name,
      name === 'cpu' ? amount : Math.ceil(amount / 1_000) * 1_000,
    ]),
  );
}

function sum(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (one, other) => one + other);
}

function largest(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, Math.max);
}

function combine(a: Amounts, b: Amounts, how: (one: number, other: number) => number): Amounts {
  const combined: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) combined[name] = how(combined[name] ?? 0, amount);
  return combined;
}
