/**
 * The watches of the operator: one for each kind (and namespace). Each feeds the cache and reports the job that
 * changed. Kinds that no decision needs are not watched: no Secret, no ConfigMap (docs/adr/0010).
 */
import { jsonEqual } from '@distillery/base';
import type { Clock, Random } from '@distillery/base';

import { appName, labels } from '../../../api/index.js';
import type { LedgerNode } from '../../../domain/index.js';
import type { Wake } from '../../../controller/index.js';

import type { ClusterCache } from './cluster-cache.js';
import { type ApiClient, type ResourceKind, type StoredObject } from '../api/index.js';
import { kinds } from './kinds.js';
import type { JobCache, RawDistillJob } from './job-cache.js';
import type { OwnedIndex } from './owned-index.js';
import { Reflector, type ReflectorCounters, type ReflectorReport } from '../watch/index.js';
import { podView, type PodView, type RawPod } from './pod-view.js';
import {
  deploymentView,
  nodeView,
  type OwnedView,
  ownedView,
  type RawDeployment,
  type RawJob,
  studentJobView,
} from './views.js';

export interface WatchesOptions {
  readonly client: Pick<ApiClient, 'list' | 'watch'>;
  readonly cache: ClusterCache;
  readonly jobs: JobCache;
  /** Namespaces whose jobs are reconciled; empty = all. */
  readonly namespaces: readonly string[];
  /** Wakes the jobs that a change concerns. */
  readonly wake: Pick<Wake, 'job' | 'jobGone' | 'part' | 'slots'>;
  readonly report: (kind: ResourceKind, report: ReflectorReport) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** The state of one watch, for readiness and metrics. */
export interface WatchState {
  readonly kind: ResourceKind;
  readonly synced: boolean;
  /** Time of the last data from the API server; null = never. */
  readonly lastContactMs: number | null;
  readonly counters: ReflectorCounters;
}

/**
 * Upper limit of the wait between attempts. Jobs depend on these watches after an outage, and a handful of requests
 * does not burden a starting API server.
 */
const longestWaitMs = 10_000;

type AnyReflector = Pick<
  Reflector<unknown>,
  'start' | 'stop' | 'whenSynced' | 'synced' | 'current' | 'lastContactMs' | 'counters'
>;

export class Watches {
  readonly #reflectors: readonly { readonly kind: ResourceKind; readonly reflector: AnyReflector }[];

  constructor(options: WatchesOptions) {
    this.#reflectors = reflectorsOf(options);
  }

  start(): void {
    for (const { reflector } of this.#reflectors) reflector.start();
  }

  /** Resolves after the first complete list of every kind. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.#reflectors.map(({ reflector }) => reflector.whenSynced()));
  }

  states(): WatchState[] {
    return this.#reflectors.map(({ kind, reflector: { synced, lastContactMs, counters } }) => ({
      kind,
      synced,
      lastContactMs,
      counters,
    }));
  }

  /** False while the known state of a kind may be outdated (reflector.ts). */
  areCurrent(of: ResourceKind): boolean {
    return this.#reflectors.every(({ kind, reflector }) => kind !== of || reflector.current);
  }

  /** Resolves after the last callback. */
  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map(({ reflector }) => reflector.stop()));
  }
}

interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
}

function reflectorsOf(options: WatchesOptions): { kind: ResourceKind; reflector: AnyReflector }[] {
  const { client, cache, jobs, namespaces, wake, report, clock, random } = options;
  const one = <T>(
    kind: ResourceKind,
    selection: Selection,
    project: (object: StoredObject) => T,
    changed: (before: T | null, after: T | null) => void,
    listed?: (askedAtMs: number) => void,
  ): { kind: ResourceKind; reflector: AnyReflector } => {
    const reflector = new Reflector<T>({
      client,
      kind,
      ...selection,
      project,
      clock,
      random,
      report: (one) => report(kind, one),
      timing: { longestWaitMs },
    });
    reflector.onChange(changed);
    if (listed !== undefined) reflector.onListed(listed);
    return { kind, reflector };
  };
  const ours = { labelSelector: `${labels.managedBy}=${appName}` };
  const owned = <V extends OwnedView>(kind: ResourceKind, index: OwnedIndex<V>, view: (raw: StoredObject) => V) =>
    everywhere(namespaces).map((scope) =>
      one(
        kind,
        { ...scope, ...ours },
        view,
        (before, after) => {
          index.observed(before, after);
          const uid = (after ?? before)?.jobUid ?? '';
          if (uid !== '') wake.part(uid);
        },
        (askedAtMs) => index.listed(askedAtMs, scope.namespace).forEach((uid) => wake.part(uid)),
      ),
    );
  return [
    ...everywhere(namespaces).map((scope) =>
      one<RawDistillJob>(
        kinds.distillJobs,
        scope,
        (raw) => raw as unknown as RawDistillJob,
        (before, after) => {
          const key = jobs.observed(before, after);
          if (key === null) return;
          if (after === null) {
            wake.jobGone(key);
            return;
          }
          cache.onJob(key);
          wake.job(key);
        },
        (askedAtMs) => jobs.listed(askedAtMs, scope.namespace).forEach((key) => wake.job(key)),
      ),
    ),
    one<LedgerNode>(
      kinds.nodes,
      {},
      (raw) => nodeView(raw),
      (before, after) => {
        cache.onNode(before, after);
        wake.slots();
      },
    ),
    // All pods: what others hold decides what is free.
    one<PodView>(
      kinds.pods,
      {},
      (raw) => podView(raw as unknown as RawPod),
      (before, after) => {
        const uid = cache.onPod(before, after);
        if (uid !== null) wake.part(uid);
        if (!jsonEqual(slotsOfPod(before), slotsOfPod(after))) wake.slots();
      },
    ),
    ...owned(kinds.deployments, cache.deployments, (raw) => deploymentView(raw as unknown as RawDeployment)),
    ...owned(kinds.jobs, cache.studentJobs, (raw) => studentJobView(raw as unknown as RawJob)),
    ...owned(kinds.serviceAccounts, cache.serviceAccounts, (raw) => ownedView(raw)),
    ...owned(kinds.networkPolicies, cache.networkPolicies, (raw) => ownedView(raw)),
  ];
}

/** The fields of a pod that decide which slots are free. */
function slotsOfPod(pod: PodView | null): unknown {
  if (pod === null || pod.ended) return null;
  const { node, nominated, priority, requests, claimsDevices, waits } = pod;
  return { node, nominated, priority, requests, claimsDevices, waits };
}

function everywhere(namespaces: readonly string[]): Selection[] {
  return namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
}
