/**
 * The input of an allocation over all jobs, and the same as a snapshot: plain JSON, so that a decision can be saved and
 * repeated elsewhere (`distill plan`). The operator allocates from a ledger that it keeps up to date instead. Pure.
 */
import { jsonEqual } from '@distillery/base';

import {
  allocate,
  type Allocation,
  type AllocationInput,
  type JobRequest,
  type NamespaceWeights,
  type PoolRequest,
  type Teacher,
} from '../allocation/index.js';
import { type Amounts, Ledger, type PodNeeds } from '../ledger/index.js';
import type { ClusterSlots, LedgerFacts, SlotSupply } from './slots.js';

/** What stays free of each resource: a number of slots, or a part of what the nodes have, rounded up. */
export type Reserve = Readonly<Record<string, { readonly slots: number } | { readonly percent: number }>>;

/** The administrator's rules for the slots that all jobs share. */
export interface AllocationRules {
  readonly reserve: Reserve;
  /** 1 for a namespace that is not named. */
  readonly namespaceWeights: NamespaceWeights;
}

const reservePart = /^([a-zA-Z0-9][-a-zA-Z0-9._/]*)=(?:(\d{1,7})|(100|\d{1,2})%)$/;

/** Reads `nvidia.com/gpu=2,amd.com/gpu=10%`; empty = no reserve. @returns null for an invalid text */
export function parseReserve(text: string): Reserve | null {
  const parts = text.split(',').map((part) => part.trim());
  const reserve: Record<string, Reserve[string]> = {};
  for (const part of parts.filter((one) => one !== '')) {
    const [, resource, slots, percent] = reservePart.exec(part) ?? [];
    if (resource === undefined) return null;
    reserve[resource] = slots === undefined ? { percent: Number(percent) } : { slots: Number(slots) };
  }
  return reserve;
}

export interface FleetSnapshot {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly jobs: readonly (JobRequest<PodNeeds> & { readonly name: string })[];
  readonly pendingPods: AllocationInput<PodNeeds>['pendingPods'];
  readonly leaving: AllocationInput<PodNeeds>['leaving'];
  readonly supply: AllocationInput<PodNeeds>['supply'];
  readonly namespaceWeights: NamespaceWeights;
  readonly facts: LedgerFacts;
}

/** Repeats the decision of a saved snapshot. */
export function replay({ jobs, pendingPods, leaving, supply, namespaceWeights, facts }: FleetSnapshot): Allocation {
  const ledger = new Ledger();
  for (const node of facts.nodes) ledger.setNode(node);
  for (const pod of facts.pods) ledger.setPod(pod);
  return allocate({ jobs, pendingPods, leaving, supply, namespaceWeights, placement: ledger.placement() });
}

/** The input of an allocation over these requests. */
export function allocationInput<Request extends JobRequest<PodNeeds>>(
  requests: Iterable<Request>,
  slots: ClusterSlots,
  { reserve, namespaceWeights }: AllocationRules,
): Required<AllocationInput<PodNeeds>> & { readonly jobs: readonly Request[] } {
  const { placement, pendingPods, leaving, supplyOf } = slots;
  const jobs = Array.from(requests, (request) => withCurrentTeachers(request, slots));
  const supply = supplyFor(jobs, supplyOf, reserve);
  return { jobs, pendingPods, leaving, supply, namespaceWeights, placement };
}

/** The same input as plain data: the ledger's facts replace the placement. */
export function fleetSnapshotOf(
  requests: Iterable<FleetSnapshot['jobs'][number]>,
  slots: ClusterSlots,
  rules: AllocationRules,
  nowMs: number,
): FleetSnapshot {
  const { jobs, pendingPods, leaving, supply, namespaceWeights } = allocationInput(requests, slots, rules);
  return { nowMs, jobs, pendingPods, leaving, supply, namespaceWeights, facts: slots.facts() };
}

/**
 * A request with the teachers that are on the placement now. Jobs make their requests one after the other; without this, a
 * pod that was bound since would count twice: as another pod and as a teacher that is still to come.
 */
function withCurrentTeachers<Request extends JobRequest<PodNeeds>>(
  request: Request,
  { teachersOf, coLocatedSlots }: ClusterSlots,
): Request {
  const teachers = teachersOf(request.uid);
  return {
    ...request,
    pools: request.pools.map((pool) => {
      const needsFor = needsIn(pool);
      const rateOf = ratesIn(pool);
      const own: Teacher<PodNeeds>[] = [];
      for (const { pool: poolName, name, node, requests, ready, createdAtMs } of teachers) {
        if (poolName !== pool.name) continue;
        own.push({
          name,
          node,
          needs: needsFor(requests),
          ready,
          coLocatedSlots: node === null ? 0 : coLocatedSlots(node, pool.resource),
          createdAtMs,
          samplesPerSecond: rateOf(name),
        });
      }
      return { ...pool, teachers: own };
    }),
  };
}

/** The needs of a teacher of the pool: one object for equal requests, so that a placement recognizes it. */
function needsIn({ needs }: PoolRequest<PodNeeds>): (requests: Amounts) => PodNeeds {
  const known = new Map([[needs.requests, needs]]);
  return (requests) => {
    const found = known.get(requests);
    if (found !== undefined) return found;
    const own = jsonEqual(requests, needs.requests) ? needs : { ...needs, requests };
    known.set(requests, own);
    return own;
  };
}

/** Rates by name, 0 where none is known. Lookups in the order of the request are O(1). */
function ratesIn({ teachers }: PoolRequest<PodNeeds>): (name: string) => number {
  let next = 0;
  let byName: ReadonlyMap<string, number> | null = null;
  return (name) => {
    const teacher = teachers[next];
    if (teacher?.name === name) {
      next++;
      return teacher.samplesPerSecond;
    }
    byName ??= new Map(teachers.map((one) => [one.name, one.samplesPerSecond]));
    return byName.get(name) ?? 0;
  };
}

/** The supply of each resource that any of these jobs wants. */
function supplyFor(
  jobs: Iterable<JobRequest<PodNeeds>>,
  supplyOf: (resource: string) => SlotSupply,
  reserve: Reserve,
): AllocationInput<PodNeeds>['supply'] {
  const resources = new Set<string>();
  for (const { pools } of jobs) for (const { resource } of pools) resources.add(resource);
  return Object.fromEntries(
    [...resources].sort().map((resource) => {
      const { total, free } = supplyOf(resource);
      return [resource, { freeSlots: free, reserveSlots: slotsHeldBack(reserve[resource], total) }];
    }),
  );
}

function slotsHeldBack(reserve: Reserve[string] | undefined, total: number): number {
  if (reserve === undefined) return 0;
  return 'slots' in reserve ? reserve.slots : Math.ceil((total * reserve.percent) / 100);
}
