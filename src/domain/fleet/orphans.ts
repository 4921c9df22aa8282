/**
 * The plan of one sweep for streams that lost their job, and for accounts that lost their jobs (docs/adr/0028). Pure.
 *
 * Invariants:
 *  orphans/O1 A stream is removed only when its mark names this operator instance, its name and its mark name the same job
 *     uid, and its mark names a namespace that this operator serves and, if accounts are per namespace, the account's own.
 *  orphans/O2 The uid has been missing from a current job list in every sweep for `afterMs`. One sweep over a list that may
 *     be outdated removes nothing and starts the time again.
 *  orphans/O3 Nothing is removed of a job of which one stream is marked as kept.
 *  orphans/O4 An account is closed only when it held no stream and its namespace had no job in every sweep for `afterMs`.
 */

/** Whose stream it is, as its metadata says. */
export interface StreamOwner {
  /** Identifies one installation of the operator, over restarts. */
  readonly operator: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface StoredStream {
  readonly name: string;
  /** Job uid in the stream's name; null = not a stream of a job. */
  readonly uid: string | null;
  /** null = without a complete mark. */
  readonly owner: StreamOwner | null;
  /** A person marked it as kept. */
  readonly kept: boolean;
}

export interface StreamAccount {
  /** null = one account for all namespaces. */
  readonly namespace: string | null;
  readonly streams: readonly StoredStream[];
}

export interface SweepSnapshot {
  /** Of a monotonic clock. */
  readonly nowMs: number;
  readonly afterMs: number;
  /** This installation of the operator. */
  readonly operator: string;
  /** Namespaces that it serves; empty = all. */
  readonly namespaces: readonly string[];
  /** All jobs that exist; null = the list may be outdated. */
  readonly jobs: readonly Omit<StreamOwner, 'operator'>[] | null;
  /** Accounts whose streams could be listed. */
  readonly accounts: readonly StreamAccount[];
  readonly missing: MissingSince;
}

/** Since when jobs, by uid, are missing, and since when namespaces' accounts are empty, in `nowMs` of the snapshots. */
export interface MissingSince {
  readonly jobs: ReadonlyMap<string, number>;
  readonly namespaces: ReadonlyMap<string, number>;
}

export interface SweepPlan {
  /** Streams of jobs that exist, to be marked as theirs. */
  readonly mark: readonly { readonly account: string | null; readonly stream: string; readonly owner: StreamOwner }[];
  /** Streams to be removed, one entry per job. */
  readonly remove: readonly Orphan[];
  /** Namespaces whose account is to be closed. */
  readonly close: readonly string[];
  /** For the next snapshot. */
  readonly missing: MissingSince;
  /** Number of streams without a job that stay for now. */
  readonly left: LeftStreams;
}

export interface Orphan {
  readonly account: string | null;
  readonly owner: StreamOwner;
  readonly streams: readonly string[];
}

export interface LeftStreams {
  /** They will be removed when their time is over. */
  readonly waiting: number;
  /** orphans/O3. */
  readonly kept: number;
  /** orphans/O1: without a mark, or with one of another operator instance. */
  readonly foreign: number;
}

export const nothingMissing: MissingSince = { jobs: new Map(), namespaces: new Map() };

export function planSweep(snapshot: SweepSnapshot): SweepPlan {
  const { jobs, accounts } = snapshot;
  if (jobs === null) {
    return { mark: [], remove: [], close: [], missing: nothingMissing, left: { waiting: 0, kept: 0, foreign: 0 } };
  }
  const present = new Map(jobs.map((job) => [job.uid, job]));
  const groups = accounts.flatMap(({ namespace, streams }) => groupsOf(namespace, streams));
  const orphaned = groups.filter(({ uid }) => !present.has(uid));
  const judged = orphaned.map((group) => judge(group, snapshot));
  const empty = accounts.flatMap(({ namespace, streams }) =>
    namespace !== null && streams.length === 0 && isServed(namespace, snapshot) && !hasJobs(namespace, jobs)
      ? [namespace]
      : [],
  );
  const missing = {
    jobs: sinceOf(
      orphaned.map(({ uid }) => uid),
      snapshot.missing.jobs,
      snapshot.nowMs,
    ),
    namespaces: sinceOf(empty, snapshot.missing.namespaces, snapshot.nowMs),
  };
  const isOver = (sinceMs: number | undefined): boolean =>
    sinceMs !== undefined && snapshot.nowMs - sinceMs >= snapshot.afterMs;
  const removable = judged.flatMap(({ ours }) => (ours === null ? [] : [ours]));
  const [due, waiting] = partition(removable, ({ owner }) => isOver(missing.jobs.get(owner.uid)));
  return {
    mark: groups.flatMap((group) => marksOf(group, present.get(group.uid), snapshot.operator)),
    remove: due,
    close: empty.filter((namespace) => isOver(missing.namespaces.get(namespace))),
    missing,
    left: {
      waiting: sum(waiting.map(({ streams }) => streams.length)),
      kept: sum(judged.map(({ kept }) => kept)),
      foreign: sum(judged.map(({ foreign }) => foreign)),
    },
  };
}

/** Streams of one job in one account, by the uid in their names. */
interface Group {
  readonly account: string | null;
  readonly uid: string;
  readonly streams: readonly StoredStream[];
}

function groupsOf(account: string | null, streams: readonly StoredStream[]): Group[] {
  const byUid = new Map<string, StoredStream[]>();
  for (const stream of streams) {
    if (stream.uid === null) continue;
    const group = byUid.get(stream.uid) ?? [];
    group.push(stream);
    byUid.set(stream.uid, group);
  }
  return [...byUid].map(([uid, group]) => ({ account, uid, streams: group }));
}

interface Judged {
  readonly ours: Orphan | null;
  readonly kept: number;
  readonly foreign: number;
}

/** What becomes of the streams of a job that is missing. */
function judge(group: Group, snapshot: SweepSnapshot): Judged {
  const { account, streams } = group;
  if (streams.some(({ kept }) => kept)) return { ours: null, kept: streams.length, foreign: 0 };
  const [ours, foreign] = partition(streams, ({ owner }) => owner !== null && isOurs(owner, group, snapshot));
  const owner = ours[0]?.owner ?? null;
  const names = ours.map(({ name }) => name);
  return { ours: owner === null ? null : { account, owner, streams: names }, kept: 0, foreign: foreign.length };
}

/** orphans/O1. */
function isOurs(owner: StreamOwner, { account, uid }: Group, snapshot: SweepSnapshot): boolean {
  return (
    owner.operator === snapshot.operator &&
    owner.uid === uid &&
    isServed(owner.namespace, snapshot) &&
    (account === null || account === owner.namespace)
  );
}

function isServed(namespace: string, { namespaces }: SweepSnapshot): boolean {
  return namespaces.length === 0 || namespaces.includes(namespace);
}

function hasJobs(namespace: string, jobs: NonNullable<SweepSnapshot['jobs']>): boolean {
  return jobs.some((job) => job.namespace === namespace);
}

function marksOf(
  { account, streams }: Group,
  job: Omit<StreamOwner, 'operator'> | undefined,
  operator: string,
): SweepPlan['mark'][number][] {
  if (job === undefined || (account !== null && account !== job.namespace)) return [];
  const { namespace, name, uid } = job;
  const owner = { operator, namespace, name, uid };
  return streams.flatMap((stream) =>
    isSameOwner(stream.owner, owner) ? [] : [{ account, stream: stream.name, owner }],
  );
}

function isSameOwner(a: StreamOwner | null, b: StreamOwner): boolean {
  return a?.operator === b.operator && a.namespace === b.namespace && a.name === b.name && a.uid === b.uid;
}

function sinceOf(keys: readonly string[], before: ReadonlyMap<string, number>, nowMs: number): Map<string, number> {
  return new Map(keys.map((key) => [key, before.get(key) ?? nowMs]));
}

function partition<T>(items: readonly T[], belongs: (item: T) => boolean): [T[], T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
