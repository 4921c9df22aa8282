/** Properties of the ledger after any changes: exact amounts, and the same state in any order. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  type Amounts,
  type Placement,
  isSchedulable,
  Ledger,
  type LedgerNode,
  type LedgerPod,
  type PodNeeds,
  thousandthsOf,
} from '../../../../src/domain/ledger/index.js';
import { roomOn } from '../../../kit/ledger.js';

const decimals = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binaries = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };

/** The same with whole numbers only: digits × 10^exponent × 2^bits, in thousandths, rounded up. */
function exactThousandths(digits: string, fraction: string, exponent: number, bits: number): bigint {
  const power = BigInt(exponent + 3 - fraction.length);
  const whole = BigInt(digits + fraction) * 2n ** BigInt(bits);
  if (power >= 0n) return whole * 10n ** power;
  const divisor = 10n ** -power;
  return (whole + divisor - 1n) / divisor;
}

const scale = fc.oneof(
  fc.constantFrom(...Object.entries(decimals)).map(([suffix, exponent]) => ({ suffix, exponent, bits: 0 })),
  fc.constantFrom(...Object.entries(binaries)).map(([suffix, bits]) => ({ suffix, exponent: 0, bits })),
  fc
    .tuple(fc.constantFrom('e', 'E'), fc.integer({ min: -9, max: 12 }))
    .map(([letter, exponent]) => ({ suffix: `${letter}${String(exponent)}`, exponent, bits: 0 })),
);

test('a quantity is exact to the thousandth, as far as a number can hold it', () => {
  const digitsArbitrary = fc.nat({ max: 999_999_999 }).map(String);
  const fractionArbitrary = fc.stringMatching(/^[0-9]{0,6}$/);
  fc.assert(
    fc.property(digitsArbitrary, fractionArbitrary, scale, (digits, fraction, { suffix, exponent, bits }) => {
      const want = exactThousandths(digits, fraction, exponent, bits);
      // A finer part of a power of two has more digits than a number holds.
      fc.pre(want <= BigInt(Number.MAX_SAFE_INTEGER) && (bits === 0 || fraction.length <= 3));
      const text = `${digits}${fraction === '' ? '' : `.${fraction}`}${suffix}`;
      expect(BigInt(thousandthsOf(text))).toBe(want);
    }),
    { numRuns: 2_000 },
  );
});

const amounts = fc.record({ cpu: fc.constantFrom(0, 100, 1_000, 4_000), gpu: fc.constantFrom(0, 0, 1_000, 2_000) });
const nodeNames = ['a', 'b', 'c'] as const;
const nodeArbitrary: fc.Arbitrary<LedgerNode> = fc.record({
  name: fc.constantFrom(...nodeNames),
  labels: fc.constantFrom<Record<string, string>>({}, { zone: 'x' }),
  taints: fc.constantFrom<LedgerNode['taints']>([], [{ key: 'spot', effect: 'NoSchedule' }]),
  takesPods: fc.constantFrom(true, true, true, false),
  allocatable: fc.record({
    cpu: fc.constantFrom(0, 4_000, 16_000),
    gpu: fc.constantFrom(0, 8_000),
    pods: fc.constantFrom(3_000, 110_000),
  }),
});
const uids: readonly string[] = ['1', '2', '3', '4', '5', '6'];
const podArbitrary: fc.Arbitrary<LedgerPod> = fc.record({
  uid: fc.constantFrom(...uids),
  node: fc.constantFrom(...nodeNames, null, 'gone'),
  nominated: fc.constantFrom(null, null, ...nodeNames, 'gone'),
  priority: fc.constantFrom(-1_000, 0, 1_000),
  ended: fc.constantFrom(false, false, true),
  requests: amounts,
  claimsDevices: fc.constantFrom(false, false, false, true),
});

type Fact =
  | { readonly kind: 'setNode'; readonly node: LedgerNode }
  | { readonly kind: 'removeNode'; readonly name: string }
  | { readonly kind: 'setPod'; readonly pod: LedgerPod }
  | { readonly kind: 'removePod'; readonly uid: string };

const factArbitrary: fc.Arbitrary<Fact> = fc.oneof(
  nodeArbitrary.map((node) => ({ kind: 'setNode' as const, node })),
  fc.constantFrom(...nodeNames).map((name) => ({ kind: 'removeNode' as const, name })),
  { weight: 3, arbitrary: podArbitrary.map((pod) => ({ kind: 'setPod' as const, pod })) },
  fc.constantFrom(...uids).map((uid) => ({ kind: 'removePod' as const, uid })),
);

const needsArbitrary: fc.Arbitrary<PodNeeds> = fc.record(
  {
    nodeSelector: fc.constantFrom<Record<string, string>>({}, {}, { zone: 'x' }),
    requiredTerms: fc.constant(null),
    tolerations: fc.constantFrom<PodNeeds['tolerations']>([], [{ operator: 'Exists' }]),
    requests: amounts,
    priority: fc.constantFrom(-1_000, 0, 2_000),
  },
  { requiredKeys: ['nodeSelector', 'requiredTerms', 'tolerations', 'requests'] },
);

const accelerators = ['gpu'];

function apply(ledger: Ledger, fact: Fact): void {
  if (fact.kind === 'setNode') ledger.setNode(fact.node);
  else if (fact.kind === 'removeNode') ledger.removeNode(fact.name);
  else if (fact.kind === 'setPod') ledger.setPod(fact.pod);
  else ledger.removePod(fact.uid);
}

function ledgerAfter(facts: readonly Fact[]): Ledger {
  const ledger = new Ledger(accelerators);
  for (const fact of facts) apply(ledger, fact);
  return ledger;
}

/** The nodes and pods that exist after all facts. */
function outcomeOf(facts: readonly Fact[]): { nodes: Map<string, LedgerNode>; pods: Map<string, LedgerPod> } {
  const nodes = new Map<string, LedgerNode>();
  const pods = new Map<string, LedgerPod>();
  for (const fact of facts) {
    if (fact.kind === 'setNode') nodes.set(fact.node.name, fact.node);
    else if (fact.kind === 'removeNode') nodes.delete(fact.name);
    else if (fact.kind === 'setPod') pods.set(fact.pod.uid, fact.pod);
    else pods.delete(fact.uid);
  }
  return { nodes, pods };
}

const factsArbitrary = fc.array(factArbitrary, { maxLength: 40 });
const wantsArbitrary = fc.array(needsArbitrary, { minLength: 1, maxLength: 4 });

/** Places pods with these needs in turns until none fits. @returns the nodes, in order */
function placeAll(placement: Placement<PodNeeds>, wants: readonly PodNeeds[]): (string | null)[] {
  const nodes: (string | null)[] = [];
  for (let placed = true; placed && nodes.length < 200;) {
    const round = wants.map((needs) => placement.place(needs));
    nodes.push(...round);
    placed = round.some((node) => node !== null);
  }
  return nodes;
}

describe('the ledger', () => {
  test('equals one that gets only the final nodes and pods, in any order', () => {
    fc.assert(
      fc.property(factsArbitrary, wantsArbitrary, fc.boolean(), (facts, wants, podsFirst) => {
        const changed = ledgerAfter(facts);
        const { nodes, pods } = outcomeOf(facts);
        const fresh = new Ledger(accelerators);
        const addNodes = (): void => [...nodes.values()].toReversed().forEach((node) => fresh.setNode(node));
        const addPods = (): void => [...pods.values()].toReversed().forEach((pod) => fresh.setPod(pod));
        for (const add of podsFirst ? [addPods, addNodes] : [addNodes, addPods]) add();
        expect(changed.size).toBe(fresh.size);
        for (const needs of wants) expect(roomOn(changed.placement(), needs)).toBe(roomOn(fresh.placement(), needs));
        expect(placeAll(changed.placement(), wants)).toEqual(placeAll(fresh.placement(), wants));
      }),
      { numRuns: 500 },
    );
  });

  test('keeps nothing of nodes and pods that are gone', () => {
    fc.assert(
      fc.property(factsArbitrary, fc.boolean(), (facts, podsFirst) => {
        const ledger = ledgerAfter(facts);
        const forgetPods = (): void => uids.forEach((uid) => ledger.removePod(uid));
        const forgetNodes = (): void => nodeNames.forEach((name) => ledger.removeNode(name));
        for (const forget of podsFirst ? [forgetPods, forgetNodes] : [forgetNodes, forgetPods]) forget();
        expect(ledger.size).toBe(0);
      }),
    );
  });

  test('has room for exactly as many pods as fit one by one', () => {
    fc.assert(
      fc.property(factsArbitrary, needsArbitrary, (facts, needs) => {
        const { nodes, pods } = outcomeOf(facts);
        const counts = [...nodes.values()].map((node) => podsOn(node, [...pods.values()], needs));
        const want = counts.reduce((sum, count) => sum + count, 0);
        expect(roomOn(ledgerAfter(facts).placement(), needs)).toBe(want);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a placement', () => {
  test('places each pod on a node that takes it, and does not change the ledger or its forks', () => {
    fc.assert(
      fc.property(factsArbitrary, needsArbitrary, (facts, needs) => {
        const ledger = ledgerAfter(facts);
        const placement = ledger.placement();
        const [fork, before] = [placement.fork(), roomOn(placement, needs)];
        const { nodes } = outcomeOf(facts);
        for (let placed = 0; placed < before; placed++) {
          const node = nodes.get(placement.place(needs) ?? '');
          expect(node !== undefined && isSchedulable(needs, node)).toBe(true);
        }
        expect(placement.place(needs)).toBeNull();
        expect([roomOn(ledger.placement(), needs), roomOn(fork, needs)]).toEqual([before, before]);
      }),
      { numRuns: 300 },
    );
  });

  test('equals, after placements, a ledger with these pods', () => {
    fc.assert(
      fc.property(
        factsArbitrary,
        wantsArbitrary,
        fc.array(fc.nat({ max: 3 }), { maxLength: 12 }),
        (facts, wants, turns) => {
          const ledger = ledgerAfter(facts);
          const placement = ledger.placement();
          for (const [turn, at] of turns.entries()) {
            const needs = wants[at % wants.length]!;
            const node = placement.place(needs);
            const { requests, priority = 0 } = needs;
            const pod = {
              uid: `placed-${turn}`,
              nominated: null,
              priority,
              ended: false,
              requests,
              claimsDevices: false,
            };
            if (node !== null) ledger.setPod({ ...pod, node });
          }
          for (const needs of wants) expect(roomOn(placement, needs)).toBe(roomOn(ledger.placement(), needs));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is as before when all placed pods are removed', () => {
    fc.assert(
      fc.property(factsArbitrary, wantsArbitrary, (facts, wants) => {
        const ledger = ledgerAfter(facts);
        const placement = ledger.placement();
        const first = placeAll(placement, wants);
        for (const [at, node] of first.entries()) if (node !== null) placement.remove(node, wants[at % wants.length]!);
        expect(placeAll(placement, wants)).toEqual(first);
      }),
      { numRuns: 300 },
    );
  });
});

/** Number of pods that fit on one node until a requested resource runs out. */
function podsOn(node: LedgerNode, pods: readonly LedgerPod[], needs: PodNeeds): number {
  if (!isSchedulable(needs, node)) return 0;
  const { priority: own = -Infinity } = needs;
  const free = new Map(Object.entries(node.allocatable));
  const take = (requests: Amounts): void => {
    for (const [resource, amount] of Object.entries({ ...requests, pods: 1_000 })) {
      free.set(resource, (free.get(resource) ?? 0) - amount);
    }
  };
  for (const pod of pods) {
    const isHere = pod.node === node.name || (pod.node === null && pod.nominated === node.name && pod.priority >= own);
    if (!isHere || pod.ended) continue;
    take(pod.requests);
    if (pod.claimsDevices) free.set('gpu', -Infinity);
  }
  const asked = Object.entries({ ...needs.requests, pods: 1_000 }).filter(([, amount]) => amount > 0);
  let fitting = 0;
  for (; asked.every(([resource, amount]) => (free.get(resource) ?? 0) >= amount); fitting++) take(needs.requests);
  return fitting;
}
