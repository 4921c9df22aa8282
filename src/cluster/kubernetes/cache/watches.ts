/**
 * The watches of the operator: one for each kind (and namespace). Each feeds the cache and reports the job that
 * changed. Kinds that no decision needs are not watched: no Secret, no ConfigMap (docs/adr/0010).
 */
import { jsonEqual } from '@distillery/base';
import type { Clock, Random } from '@distillery/base';

import { appName, isManagedHere, labels } from '../../../api/index.js';
import type { KueueSupport, LedgerNode } from '../../../domain/index.js';
import type { Wake } from '../../../controller/index.js';

import { autoscalerView, type AutoscalerView } from './autoscalers.js';
import type { ClusterCache } from './cluster-cache.js';
import { deviceKinds } from './device-kinds.js';
import { type ApiClient, type ApiError, type ResourceKind, type StoredObject } from '../api/index.js';
import { kinds, oldWorkloads } from './kinds.js';
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
import { workloadView, type WorkloadView } from './workload-view.js';

export interface WatchesOptions {
  readonly client: Pick<ApiClient, 'list' | 'watch'>;
  readonly cache: ClusterCache;
  readonly jobs: JobCache;
  /** Namespaces whose jobs are reconciled; empty = all. */
  readonly namespaces: readonly string[];
  /** Wakes the jobs that a change concerns. */
  readonly wake: Pick<Wake, 'job' | 'jobGone' | 'part' | 'slots'>;
  readonly report: (kind: ResourceKind, report: WatchReport) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** `without`: the operator does without an optional kind, which is normal. It asks for it again, and reports a list when there is one. */
export type WatchReport =
  ReflectorReport | { readonly kind: 'without'; readonly why: Without; readonly error: ApiError };

/** The cluster has no such kind; it has only an older version; or this account may not list it. */
type Without = Exclude<KueueSupport, 'Served' | 'Unknown'>;

/** The state of one watch, for readiness and metrics. */
export interface WatchState {
  readonly kind: ResourceKind;
  /** Absent = all namespaces. */
  readonly namespace?: string;
  /** The operator does without it: it delays no start and is no problem. */
  readonly optional: boolean;
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
/** The same for a kind that the operator may not list, or that the cluster lacks. */
const askAgainMs = 30_000;

type AnyReflector = Pick<
  Reflector<unknown>,
  'start' | 'stop' | 'whenSynced' | 'synced' | 'current' | 'lastContactMs' | 'counters'
>;

export class Watches {
  readonly #reflectors: readonly OneWatch[];

  constructor(options: WatchesOptions) {
    this.#reflectors = reflectorsOf(options);
  }

  start(): void {
    for (const { reflector } of this.#reflectors) reflector.start();
  }

  /** Resolves after the first complete list of every kind that the operator needs. */
  async whenSynced(): Promise<void> {
    const needed = this.#reflectors.filter(({ optional }) => !optional);
    await Promise.all(needed.map(({ reflector }) => reflector.whenSynced()));
  }

  states(): WatchState[] {
    return this.#reflectors.map(({ kind, namespace, optional, reflector: { synced, lastContactMs, counters } }) => ({
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      optional,
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

interface OneWatch {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  readonly reflector: AnyReflector;
  readonly optional: boolean;
}

interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
}

/** @param support given for a kind that the operator does without, instead of `report` */
type WatchMaker = <T>(
  kind: ResourceKind,
  selection: Selection,
  project: (object: StoredObject) => T | null,
  changed: (before: T | null, after: T | null) => void,
  listed?: (askedAtMs: number) => void,
  support?: (report: ReflectorReport) => void,
) => OneWatch;

function reflectorsOf(options: WatchesOptions): OneWatch[] {
  const { client, cache, jobs, namespaces, wake, report, clock, random } = options;
  const one: WatchMaker = (kind, selection, project, changed, listed, support) => {
    const reflector = new Reflector({
      client,
      kind,
      ...selection,
      project,
      clock,
      random,
      report: support ?? ((one) => report(kind, one)),
      timing: { longestWaitMs: support === undefined ? longestWaitMs : askAgainMs },
    });
    reflector.onChange(changed);
    if (listed !== undefined) reflector.onListed(listed);
    return { kind, namespace: selection.namespace, reflector, optional: support !== undefined };
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
        ofThisOperator,
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
    ...everywhere(namespaces).map((scope) =>
      one<WorkloadView>(
        kinds.workloads,
        scope,
        (raw) => workloadView(raw),
        (before, after) => {
          cache.workloads.observed(before, after);
          const { namespace = '', ownerName = '' } = after ?? before ?? {};
          const uid = cache.jobOfStudent(namespace, ownerName);
          if (uid !== null) wake.part(uid);
        },
        undefined,
        kueueWatcher(options),
      ),
    ),
    ...deviceWatches(options, one),
    ...everywhere(namespaces).map((scope) =>
      one<AutoscalerView>(
        kinds.horizontalPodAutoscalers,
        scope,
        (raw) => autoscalerView(raw),
        (before, after) => {
          cache.autoscalers.observed(before, after);
          for (const view of [before, after]) {
            const uid = view === null ? null : cache.deployments.jobOf(view.namespace, view.deployment);
            if (uid !== null) wake.part(uid);
          }
        },
        undefined,
        optionalReporter(kinds.horizontalPodAutoscalers, report),
      ),
    ),
  ];
}

/** Devices of dynamic resource allocation, of the whole cluster: what others claim decides what is free. */
function deviceWatches({ cache: { devices }, wake, report }: WatchesOptions, one: WatchMaker): OneWatch[] {
  return deviceKinds.map(({ name, kind, project, observed }) =>
    one(
      kind,
      {},
      project,
      (before, after) => {
        observed(devices, before, after);
        wake.slots();
      },
      () => {
        devices.listed(name);
        wake.slots();
      },
      optionalReporter(kind, report),
    ),
  );
}

/** A kind that the cluster lacks, or that an older chart gives no right to list, is none: said once, and no fault. */
function optionalReporter(kind: ResourceKind, report: WatchesOptions['report']): (report: ReflectorReport) => void {
  let known: Without | null = null;
  return (one) => {
    const why = one.kind === 'interrupted' ? withoutBy(one.error) : null;
    if (why === null || one.kind !== 'interrupted') report(kind, one);
    else if (why !== known) report(kind, { kind: 'without', why, error: one.error });
    known = why;
  };
}

/** null = the error is one of another kind. */
function withoutBy({ reason }: ApiError): 'NotServed' | 'NotReadable' | null {
  switch (reason) {
    case 'notFound':
      return 'NotServed';
    case 'forbidden':
      return 'NotReadable';
    default:
      return null;
  }
}

/** The fields of a pod that decide which slots are free. */
function slotsOfPod(pod: PodView | null): unknown {
  if (pod === null || pod.ended) return null;
  const { node, nominated, priority, requests, claimsDevices, waits } = pod;
  return { node, nominated, priority, requests, claimsDevices, waits };
}

/** A job that another controller runs is none of ours. */
function ofThisOperator(raw: StoredObject): RawDistillJob | null {
  const job = raw as unknown as RawDistillJob & { readonly spec?: { readonly managedBy?: string } };
  return isManagedHere(job.spec) ? job : null;
}

/** Follows whether the cluster serves Kueue, which may come and go. Reports only changes: a cluster without Kueue is no fault. */
function kueueWatcher({ client, cache, namespaces, report, wake }: WatchesOptions): (report: ReflectorReport) => void {
  const becomes = (support: KueueSupport, one: WatchReport): void => {
    if (!cache.workloads.supportIs(support)) return;
    report(kinds.workloads, one);
    for (const uid of cache.jobUids()) wake.part(uid);
  };
  return (event) => {
    if (event.kind === 'listed') {
      becomes('Served', event);
      return;
    }
    if (event.kind !== 'interrupted') {
      report(kinds.workloads, event);
      return;
    }
    const { error } = event;
    const without = (why: Without): void => becomes(why, { kind: 'without', why, error });
    switch (withoutBy(error)) {
      case 'NotServed':
        client.list(oldWorkloads, { ...everywhere(namespaces)[0], limit: 1 }).then(
          () => without('TooOld'),
          () => without('NotServed'),
        );
        return;
      case 'NotReadable':
        without('NotReadable');
        return;
      case null:
        report(kinds.workloads, event);
    }
  };
}

function everywhere(namespaces: readonly string[]): Selection[] {
  return namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
}
