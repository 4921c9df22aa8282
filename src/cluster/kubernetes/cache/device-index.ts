/**
 * The devices of dynamic resource allocation: what each node has of each driver, and what claims hold. It feeds the ledger.
 *
 * Invariants:
 *  device-index/V1 A claim holds its devices while it is allocated, whether or not its pod is still there: that is when the
 *     scheduler may give them to another (I5).
 *  device-index/V2 Devices are counted by driver and node. Classes that select some of a driver's devices share its count, so the
 *     ledger may see room where the scheduler sees none; such a pool is paused, as for every other approximation.
 *  device-index/V3 Of a pool, only slices of the newest generation count.
 */
import { type Amounts, deviceResource, type Ledger } from '../../../domain/index.js';

import {
  type ClaimTemplateView,
  type ClaimView,
  type DeviceAsk,
  type DeviceClassView,
  deviceAmounts,
  type PodClaim,
  poolKey,
  type SliceView,
} from './device-views.js';

/** Lists of the API server that it is made from. */
export type DeviceList = 'slices' | 'claims' | 'classes' | 'templates';

const none: Amounts = {};

export class DeviceIndex {
  readonly #ledger: Pick<Ledger, 'setDevices' | 'setClaim' | 'removeClaim' | 'countDevices' | 'setAliases'>;
  /** By `driver/pool`, and by name. */
  readonly #pools = new Map<string, Map<string, SliceView>>();
  /** Keys of pools with devices on a node: few. */
  readonly #onNode = new Map<string, Set<string>>();
  readonly #claims = new Map<string, ClaimView>();
  /** Uids of claims that hold devices of a pool. */
  readonly #holders = new Map<string, Set<string>>();
  readonly #byName = new Map<string, ClaimView>();
  readonly #templates = new Map<string, ClaimTemplateView>();
  readonly #classes = new Map<string, DeviceClassView>();
  #version = 0;
  readonly #unlisted = new Set<DeviceList>(['slices', 'claims', 'classes', 'templates']);

  constructor(ledger: Pick<Ledger, 'setDevices' | 'setClaim' | 'removeClaim' | 'countDevices' | 'setAliases'>) {
    this.#ledger = ledger;
  }

  /** Changes whenever the devices that a pod requests by a template may be others. */
  get version(): number {
    return this.#version;
  }

  /** From the first list of all kinds on, devices are counted, and no node is given up for a claim (node-usage/N1). */
  listed(kind: DeviceList): void {
    this.#unlisted.delete(kind);
    if (this.#unlisted.size === 0) this.#ledger.countDevices();
  }

  onSlice(before: SliceView | null, after: SliceView | null): void {
    const changed = [before, after].filter((slice) => slice !== null);
    if (before !== null) {
      const slices = this.#pools.get(poolKey(before));
      slices?.delete(before.name);
      if (slices?.size === 0) this.#pools.delete(poolKey(before));
    }
    if (after !== null) {
      const slices = this.#pools.get(poolKey(after)) ?? new Map<string, SliceView>();
      slices.set(after.name, after);
      this.#pools.set(poolKey(after), slices);
    }
    for (const slice of changed) {
      if (slice.node === null) continue;
      const pools = this.#onNode.get(slice.node) ?? new Set();
      this.#onNode.set(slice.node, pools.add(poolKey(slice)));
    }
    for (const node of new Set(changed.map((slice) => slice.node))) if (node !== null) this.#countNode(node);
    // The node of a pool is known by its slices.
    for (const pool of new Set(changed.map(poolKey))) {
      for (const uid of this.#holders.get(pool) ?? []) this.#countClaim(this.#claims.get(uid));
    }
  }

  onClaim(before: ClaimView | null, after: ClaimView | null): void {
    if (before !== null) {
      for (const pool of before.held.keys()) {
        const holders = this.#holders.get(pool);
        holders?.delete(before.uid);
        if (holders?.size === 0) this.#holders.delete(pool);
      }
      this.#claims.delete(before.uid);
      this.#byName.delete(nameKey(before));
      this.#ledger.removeClaim(before.uid);
    }
    if (after === null) return;
    this.#claims.set(after.uid, after);
    this.#byName.set(nameKey(after), after);
    for (const pool of after.held.keys()) {
      const holders = this.#holders.get(pool) ?? new Set();
      this.#holders.set(pool, holders.add(after.uid));
    }
    this.#countClaim(after);
  }

  onTemplate(before: ClaimTemplateView | null, after: ClaimTemplateView | null): void {
    this.#version++;
    if (before !== null) this.#templates.delete(nameKey(before));
    if (after !== null) this.#templates.set(nameKey(after), after);
  }

  onClass(before: DeviceClassView | null, after: DeviceClassView | null): void {
    this.#version++;
    if (before !== null) this.#classes.delete(before.name);
    if (after !== null) this.#classes.set(after.name, after);
    const serves = (one: DeviceClassView | null): string => `${one?.driver ?? ''} ${one?.extendedResource ?? ''}`;
    if (serves(before) !== serves(after)) this.#ledger.setAliases(this.#aliases());
  }

  /** The devices that a pod of this namespace requests by its claims, as resources of the ledger. */
  requestsOf(namespace: string, claims: readonly PodClaim[]): Amounts {
    if (claims.length === 0) return none;
    const asks = claims.flatMap(({ template, claim }): readonly DeviceAsk[] => {
      const found =
        template !== null
          ? this.#templates.get(nameKey({ namespace, name: template }))
          : this.#byName.get(nameKey({ namespace, name: claim ?? '' }));
      return found?.asks ?? [];
    });
    return deviceAmounts(asks, (className) => this.#classes.get(className)?.driver ?? null);
  }

  /** Extended resources that DRA serves, and the resources of their devices. */
  #aliases(): Map<string, string> {
    const aliases = new Map<string, string>();
    for (const { name, driver, extendedResource } of this.#classes.values()) {
      if (driver === null) continue;
      if (extendedResource !== null) aliases.set(extendedResource, deviceResource(driver));
      // Every class serves the resource of its own name, too.
      aliases.set(`deviceclass.resource.kubernetes.io/${name}`, deviceResource(driver));
    }
    return aliases;
  }

  #countNode(node: string): void {
    const amounts: Record<string, number> = {};
    const pools = this.#onNode.get(node) ?? new Set<string>();
    for (const pool of pools) {
      const slices = this.#pools.get(pool);
      if (slices === undefined) {
        pools.delete(pool);
        continue;
      }
      const newest = Math.max(...Array.from(slices.values(), ({ generation }) => generation));
      for (const slice of slices.values()) {
        if (slice.node !== node || slice.generation !== newest || slice.devices === 0) continue;
        const resource = deviceResource(slice.driver);
        amounts[resource] = (amounts[resource] ?? 0) + slice.devices * 1_000;
      }
    }
    if (pools.size === 0) this.#onNode.delete(node);
    this.#ledger.setDevices(node, amounts);
  }

  #countClaim(claim: ClaimView | undefined): void {
    if (claim === undefined) return;
    const nodes = new Map<string, Record<string, number>>();
    for (const [pool, devices] of claim.held) {
      const [slice] = this.#pools.get(pool)?.values() ?? [];
      if (slice === undefined || slice.node === null) continue;
      const resource = deviceResource(slice.driver);
      const amounts = nodes.get(slice.node) ?? {};
      amounts[resource] = (amounts[resource] ?? 0) + devices * 1_000;
      nodes.set(slice.node, amounts);
    }
    this.#ledger.setClaim(claim.uid, nodes);
  }
}

function nameKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
