/**
 * The decision over all jobs: who gets how many teachers. A fleet's snapshot is plain JSON, so that a decision can be saved
 * and made again elsewhere (`distill plan`); the operator makes the same from accounts that it keeps up to date. Pure.
 */
import { jsonEqual } from '../../lib/json-equal.js';

import { type Amounts, Ledger, type PodNeeds } from '../ledger/index.js';
import {
  type JobClaim,
  type NamespaceWeights,
  type PoolClaim,
  type Share,
  type ShareInput,
  shareOut,
  type Teacher,
} from '../allocation/index.js';
import type { Account, Slots, SlotSupply } from './slots.js';

/** What stays free of a resource: so many slots, or such a part of what the nodes have, rounded up. */
export type Reserve = Readonly<Record<string, { readonly slots: number } | { readonly percent: number }>>;

/** What an administrator says of the slots that all jobs share. */
export interface ShareRules {
  readonly reserve: Reserve;
  /** 1 for a namespace that is not named. */
  readonly namespaceWeights: NamespaceWeights;
}

const reservePart = /^([a-zA-Z0-9][-a-zA-Z0-9._/]*)=(?:(\d{1,7})|(100|\d{1,2})%)$/;

/** `nvidia.com/gpu=2,amd.com/gpu=10%`; empty = none. @returns null for a text that says something else */
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
  readonly jobs: readonly (JobClaim<PodNeeds> & { readonly name: string })[];
  readonly neighbours: ShareInput<PodNeeds>['neighbours'];
  readonly leaving: ShareInput<PodNeeds>['leaving'];
  readonly supply: ShareInput<PodNeeds>['supply'];
  readonly namespaceWeights: NamespaceWeights;
  readonly account: Account;
}

/** The same decision, from a snapshot that was saved. */
export function replayed({ jobs, neighbours, leaving, supply, namespaceWeights, account }: FleetSnapshot): Share {
  const ledger = new Ledger();
  for (const node of account.nodes) ledger.setNode(node);
  for (const pod of account.pods) ledger.setPod(pod);
  return shareOut({ jobs, neighbours, leaving, supply, namespaceWeights, board: ledger.draft() });
}

/** What a share over these claims is made from. */
export function inputOf<Claim extends JobClaim<PodNeeds>>(
  claims: Iterable<Claim>,
  slots: Slots,
  { reserve, namespaceWeights }: ShareRules,
): Required<ShareInput<PodNeeds>> & { readonly jobs: readonly Claim[] } {
  const { board, neighbours, leaving, supplyOf } = slots;
  const jobs = Array.from(claims, (claim) => seatedAnew(claim, slots));
  const supply = supplyFor(jobs, supplyOf, reserve);
  return { jobs, neighbours, leaving, supply, namespaceWeights, board };
}

/** The same as plain data, with the account in place of the board. */
export function fleetSnapshotOf(
  claims: Iterable<FleetSnapshot['jobs'][number]>,
  slots: Slots,
  rules: ShareRules,
  nowMs: number,
): FleetSnapshot {
  const { jobs, neighbours, leaving, supply, namespaceWeights } = inputOf(claims, slots, rules);
  return { nowMs, jobs, neighbours, leaving, supply, namespaceWeights, account: slots.account() };
}

/**
 * A claim with the teachers that are on the board: jobs tell their claims one after the other, and a pod that was bound
 * since would be counted twice, as nobody's and as still to come.
 */
function seatedAnew<Claim extends JobClaim<PodNeeds>>(claim: Claim, { teachersOf, othersOn }: Slots): Claim {
  const teachers = teachersOf(claim.uid);
  return {
    ...claim,
    pools: claim.pools.map((pool) => {
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
          besideOthers: node === null ? 0 : othersOn(node, pool.resource),
          createdAtMs,
          samplesPerSecond: rateOf(name),
        });
      }
      return { ...pool, teachers: own };
    }),
  };
}

/** What a teacher of the pool is booked with: one object for all that ask alike, so that a board knows it again. */
function needsIn({ needs }: PoolClaim<PodNeeds>): (requests: Amounts) => PodNeeds {
  const known = new Map([[needs.requests, needs]]);
  return (requests) => {
    const found = known.get(requests);
    if (found !== undefined) return found;
    const asked = jsonEqual(requests, needs.requests) ? needs : { ...needs, requests };
    known.set(requests, asked);
    return asked;
  };
}

/** Rates by name, 0 where none is known. Who asks in the order of the claim is answered without a search. */
function ratesIn({ teachers }: PoolClaim<PodNeeds>): (name: string) => number {
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
  jobs: Iterable<JobClaim<PodNeeds>>,
  supplyOf: (resource: string) => SlotSupply,
  reserve: Reserve,
): ShareInput<PodNeeds>['supply'] {
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
