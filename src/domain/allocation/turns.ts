/**
 * Turns: the order in which jobs are granted replicas, one at a time (fill.ts). Pure.
 *
 * A group is what one namespace wants of one resource. All groups wait in one queue, sorted by the namespace's slots of the
 * resource for its weight. In each group the jobs wait, sorted by their slots of it for their weight.
 *
 * Invariants:
 *  turns/Q1 No key is outdated when its turn comes: the slots of a namespace or a job change only in that group, and the
 *     minimums of a group are finished before the rest of it begins.
 *  turns/Q2 A job waits once for each resource of which it has a minimum, and once for everything beyond.
 */
import { compareText, Queue, QueueItems } from './queue.js';
import type { JobRequest, NamespaceWeights, PoolRequest, StopReason } from './types.js';

/** A pool while it is filled. */
export interface Filling<Needs> {
  readonly request: PoolRequest<Needs>;
  replicas: number;
  stoppedBy: StopReason | null;
}

export interface JobFilling<Needs, Pool extends Filling<Needs> = Filling<Needs>> {
  readonly request: JobRequest<Needs>;
  readonly pools: readonly Pool[];
}

export function emptyFilling<Needs, Pool extends Filling<Needs>>(
  request: JobRequest<Needs>,
  poolOf: (filling: Filling<Needs>) => Pool,
): JobFilling<Needs, Pool> {
  return { request, pools: request.pools.map((pool) => poolOf({ request: pool, replicas: 0, stoppedBy: null })) };
}

/** What one job is granted in a filling. */
export interface Wish<Needs, Pool extends Filling<Needs>> {
  readonly job: JobFilling<Needs, Pool>;
  /**
   * For each resource with a minimum: returns the next pool below it, null when there is none. In the resource's group they
   * come before `rest` of any job.
   */
  readonly minimums: readonly (() => Pool | null)[];
  /** Returns the next pool beyond the minimums; null when there is none. */
  readonly rest: () => Pool | null;
}

interface Turn<Needs, Pool extends Filling<Needs>> {
  readonly number: number;
  readonly job: JobFilling<Needs, Pool>;
  /** The later turn of the same job, which depends on what this one is granted; null = this is the last. */
  readonly rest: Turn<Needs, Pool> | null;
  readonly next: () => Pool | null;
  /** The groups of the job's namespace, by resource. */
  readonly groups: ReadonlyMap<string, Group>;
  /** The group in which it waits. */
  group: Group | null;
  pool: Pool | null;
}

interface Group {
  readonly number: number;
  readonly weight: number;
  /** The namespace's slots of the resource. */
  slots: number;
  readonly minimums: Queue;
  readonly rest: Queue;
}

/** Grants replicas until no wish is left for which `assign` finds a node. */
export function takeTurns<Needs, Pool extends Filling<Needs>>(
  wishes: readonly Wish<Needs, Pool>[],
  weights: NamespaceWeights,
  assign: (pool: Pool) => StopReason | null,
): void {
  const turns: Turn<Needs, Pool>[] = [];
  const items = new QueueItems(wishes.reduce((sum, { minimums }) => sum + minimums.length + 1, 0));
  const namespaces = groupsOf(wishes, weights, () => new Queue(items));
  const groups = [...namespaces.values()].flatMap((byResource) => [...byResource.values()]);
  const waiting = new Queue(new QueueItems(groups.length));

  /** Sorts a group in by the job that is next in it. */
  const rank = (group: Group): void => {
    const pool = turns[firstIn(group)]?.pool;
    if (pool === null || pool === undefined) return;
    waiting.push(group.number, (group.slots + pool.request.slotsPerReplica / 2) / group.weight);
  };
  /** Puts a turn into the group of the pool that is next for it; without a pool it leaves the queue. */
  const queue = (turn: Turn<Needs, Pool>): void => {
    const pool = turn.next();
    const before = turn.group;
    const group = pool === turn.pool ? before : groupFor(turn, pool);
    turn.pool = pool;
    turn.group = group;
    if (before !== null && before !== group) {
      (turn.rest === null ? before.rest : before.minimums).remove(turn.number);
      rank(before);
    }
    if (pool !== null && group !== null) {
      (turn.rest === null ? group.rest : group.minimums).push(turn.number, levelOf(turn.job, pool));
      if (before !== group) rank(group);
    } else if (turn.rest !== null) queue(turn.rest);
  };

  for (const { job, minimums, rest } of wishes) {
    const known = namespaces.get(job.request.namespace) ?? new Map<string, Group>();
    const add = (next: () => Pool | null, later: Turn<Needs, Pool> | null): Turn<Needs, Pool> => {
      const turn = { number: turns.length, job, rest: later, next, groups: known, group: null, pool: null };
      turns.push(turn);
      queue(turn);
      return turn;
    };
    const last = add(rest, null);
    for (const next of minimums) add(next, last);
  }
  for (let top = waiting.peek(); top >= 0; top = waiting.peek()) {
    const group = groups[top];
    const turn = group === undefined ? undefined : turns[firstIn(group)];
    if (group === undefined || turn === undefined || turn.pool === null) {
      waiting.remove(top);
      continue;
    }
    const { pool } = turn;
    pool.stoppedBy = assign(pool);
    if (pool.stoppedBy === null) {
      pool.replicas++;
      group.slots += pool.request.slotsPerReplica;
    }
    queue(turn);
    rank(group);
  }
}

/** The number of the next turn; -1 when there is none. */
function firstIn({ minimums, rest }: Group): number {
  const number = minimums.peek();
  return number < 0 ? rest.peek() : number;
}

function groupFor<Needs, Pool extends Filling<Needs>>({ groups }: Turn<Needs, Pool>, pool: Pool | null): Group | null {
  return pool === null ? null : (groups.get(pool.request.resource) ?? null);
}

/** The job's slots of the next replica's resource, counted to the middle of that replica, for its weight. */
function levelOf<Needs>({ request, pools }: JobFilling<Needs>, { request: next }: Filling<Needs>): number {
  let slots = next.slotsPerReplica / 2;
  for (const pool of pools) {
    if (pool.request.resource === next.resource) slots += pool.replicas * pool.request.slotsPerReplica;
  }
  return slots / request.weight;
}

/** Groups by namespace and resource, numbered in the order of their names, which decides ties. */
function groupsOf<Needs, Pool extends Filling<Needs>>(
  wishes: readonly Wish<Needs, Pool>[],
  weights: NamespaceWeights,
  newQueue: () => Queue,
): Map<string, Map<string, Group>> {
  const sums = new Map<string, Map<string, number>>();
  for (const { job } of wishes) {
    const { namespace } = job.request;
    const byResource = sums.get(namespace) ?? new Map<string, number>();
    sums.set(namespace, byResource);
    for (const { request, replicas } of job.pools) {
      byResource.set(request.resource, (byResource.get(request.resource) ?? 0) + replicas * request.slotsPerReplica);
    }
  }
  let number = 0;
  const groups = new Map<string, Map<string, Group>>();
  for (const [namespace, byResource] of [...sums].sort(([a], [b]) => compareText(a, b))) {
    const weight = Object.hasOwn(weights, namespace) ? (weights[namespace] ?? 1) : 1;
    const some = new Map<string, Group>();
    for (const [resource, slots] of [...byResource].sort(([a], [b]) => compareText(a, b))) {
      some.set(resource, { number: number++, weight, slots, minimums: newQueue(), rest: newQueue() });
    }
    groups.set(namespace, some);
  }
  return groups;
}
