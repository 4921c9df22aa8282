/**
 * Amounts of resources as the scheduler of Kubernetes 1.35 counts them (PodRequests in k8s.io/component-helpers/resource).
 * Every amount is a whole number of thousandths of its unit (cores, bytes, devices), so that sums are exact. Pure.
 *
 * Invariants:
 *  resources/R1 A pod takes whole bytes and whole devices, rounded up pod by pod; only cores have thousandths. The API
 *     server stores nothing finer than a thousandth.
 *  resources/R2 Sums of bytes are multiples of 1000 and therefore exact up to 2^56 thousandths: 72 TB a node.
 */

import { milliAmount, QuantityError } from '../../api/index.js';

/** Thousandths by resource name; a missing name means 0. */
export type Amounts = Readonly<Record<string, number>>;

type Quantities = Readonly<Record<string, string | number>>;

/** A Kubernetes quantity in thousandths, rounded up; 0 for an invalid text, which the API server would not store. */
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

/** The part of a pod's spec that decides its requests. */
export interface PodResources {
  readonly containers?: readonly ContainerResources[];
  readonly initContainers?: readonly ContainerResources[];
  readonly overhead?: Quantities;
  /** Pod-level resources (KEP-2837). */
  readonly resources?: Requirements;
}

interface ContainerResources {
  readonly name?: string;
  /** `Always` on an init container makes it a sidecar (KEP-753). */
  readonly restartPolicy?: string;
  readonly resources?: Requirements;
}

interface Requirements {
  readonly requests?: Quantities;
  readonly limits?: Quantities;
}

/** The part of a pod's status that changes what its spec requests: a resize in place (KEP-1287). */
export interface PodResourcesStatus {
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
  readonly containerStatuses?: readonly ResizedContainer[];
  readonly initContainerStatuses?: readonly ResizedContainer[];
  /** Pod-level; kubelets of 1.35 report it only with InPlacePodLevelResourcesVerticalScaling. */
  readonly resources?: Requirements;
  readonly allocatedResources?: Quantities;
}

export interface ResizedContainer {
  readonly name: string;
  /** What the running container has. */
  readonly resources?: Requirements;
  /** What the kubelet admitted. */
  readonly allocatedResources?: Quantities;
}

/**
 * What a pod takes on its node, as the scheduler counts it: the larger of the long-running part (containers and sidecars)
 * and of each init container together with the sidecars before it. Pod-level requests replace this where Kubernetes allows
 * them; overhead is added. During a resize each part counts as the maximum of requested, admitted and running; a request
 * that its node can never grant does not count.
 * @param status absent for a pod that does not run yet
 */
export function effectiveRequests(spec: PodResources, status: PodResourcesStatus = {}): Amounts {
  const running = new Map(
    [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].map((reported) => [
      reported.name,
      reported,
    ]),
  );
  const refused = isRefusedResize(status);
  const requestsOf = (container: ContainerResources): Amounts => {
    const reported = running.get(container.name ?? '');
    const asked = askedBy(container.resources);
    return reported?.resources === undefined ? asked : resized(asked, reported, refused);
  };
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const isSidecar = container.restartPolicy === 'Always';
    // The status of an init container that ran once does not say what it requests when it runs again.
    const requests = isSidecar ? requestsOf(container) : askedBy(container.resources);
    const together = sum(sidecars, requests);
    if (isSidecar) sidecars = together;
    starting = largest(starting, together);
  }
  const lasting = (spec.containers ?? []).map(requestsOf).reduce(sum, sidecars);
  const ofContainers = largest(starting, lasting);
  const asked = askedOfPod(spec.resources, ofContainers);
  const ofPod = status.resources === undefined ? asked : pick(resized(asked, status, refused), Object.keys(asked));
  return wholeUnits(sum({ ...ofContainers, ...ofPod }, amountsOf(spec.overhead)));
}

/** A limit without a request is the request: the API server sets it in pods (SetDefaults_Pod), but not in their templates. */
function askedBy(resources: Requirements | undefined): Amounts {
  if (resources === undefined) return {};
  return { ...amountsOf(resources.limits), ...amountsOf(resources.requests) };
}

/**
 * Pod-level requests. A limit alone is the request where no container requests the resource (defaultPodRequests), and
 * always for huge pages. Devices are never requested for the pod as a whole.
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

/** As determineEffectiveRequests in component-helpers. */
function resized(
  asked: Amounts,
  { resources, allocatedResources }: Omit<ResizedContainer, 'name'>,
  refused: boolean,
): Amounts {
  const granted = largest(amountsOf(resources?.requests), amountsOf(allocatedResources));
  return refused ? granted : largest(asked, granted);
}

/** As IsPodResizeInfeasible in component-helpers. */
function isRefusedResize({ conditions }: PodResourcesStatus): boolean {
  return conditions?.find(({ type }) => type === 'PodResizePending')?.reason === 'Infeasible';
}

function pick(amounts: Amounts, names: readonly string[]): Amounts {
  return Object.fromEntries(names.map((name) => [name, amounts[name] ?? 0]));
}

/** Rounds up as the scheduler does, for requests and for what a node has (resources/R1). */
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
