/**
 * Whose turn it is: the order in which jobs are given replicas, one at a time (fill.ts). Pure.
 *
 * A group is what one namespace wants of one resource. All groups wait in one queue, ordered by what the namespace has of
 * the resource for its weight; in each group the jobs wait, ordered by what they have of it for theirs.
 *
 * Invariants:
 *  Q1 No key is out of date when its turn comes: what a namespace or a job has of a resource changes only in that group, and
 *     the turns that are first in a group end before any other of it begins.
 *  Q2 A job waits once for each resource of which it has a minimum, and once for all that it wants beyond.
 */
import type { NamespaceWeights, Stop } from './types.js';
import type { Filling, JobFilling } from './filling.js';
import { compareText } from './order.js';
import { Queue, QueueItems } from './queue.js';

/** What one job is given in a filling. */
export interface Wish<Needs, Pool extends Filling<Needs>> {
  readonly job: JobFilling<Needs, Pool>;
  /** Each gives the next pool of one resource, null when there is none; of that resource they come before `then` of any job. */
  readonly first: readonly (() => Pool | null)[];
  /** The next pool beyond what `first` gives; null when there is none. */
  readonly then: () => Pool | null;
}

interface Turn<Needs, Pool extends Filling<Needs>> {
  readonly number: number;
  readonly job: JobFilling<Needs, Pool>;
  /** The turn of the same job that comes after this one, and depends on what this one is given; null = this is the last. */
  readonly rest: Turn<Needs, Pool> | null;
  readonly next: () => Pool | null;
  /** By resource, of the job's namespace. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Where it waits. */
  group: Group | null;
  pool: Pool | null;
}

interface Group {
  readonly number: number;
  readonly weight: number;
  /** What the namespace has of the resource. */
  slots: number;
  readonly first: Queue;
  readonly then: Queue;
}

type Seat<Pool> = (pool: Pool) => Stop | null;

/** Gives replicas until no wish is left that `seat` has a place for. */
export function takeTurns<Needs, Pool extends Filling<Needs>>(
  wishes: readonly Wish<Needs, Pool>[],
  weights: NamespaceWeights,
  seat: Seat<Pool>,
): void {
  const turns: Turn<Needs, Pool>[] = [];
  const items = new QueueItems(wishes.reduce((sum, { first }) => sum + first.length + 1, 0));
  const namespaces = groupsOf(wishes, weights, () => new Queue(items));
  const groups = [...namespaces.values()].flatMap((byResource) => [...byResource.values()]);
  const waiting = new Queue(new QueueItems(groups.length));

  /** A group waits where the job that is next in it puts it. */
  const rank = (group: Group): void => {
    const pool = turns[firstIn(group)]?.pool;
    if (pool === null || pool === undefined) return;
    waiting.push(group.number, (group.slots + pool.claim.slotsPerReplica / 2) / group.weight);
  };
  /** A job waits in the group of the pool that is next for it; where there is none, it waits no more. */
  const queue = (turn: Turn<Needs, Pool>): void => {
    const pool = turn.next();
    const before = turn.group;
    const group = pool === turn.pool ? before : groupFor(turn, pool);
    turn.pool = pool;
    turn.group = group;
    if (before !== null && before !== group) {
      (turn.rest === null ? before.then : before.first).remove(turn.number);
      rank(before);
    }
    if (pool !== null && group !== null) {
      (turn.rest === null ? group.then : group.first).push(turn.number, levelOf(turn.job, pool));
      if (before !== group) rank(group);
    } else if (turn.rest !== null) queue(turn.rest);
  };

  for (const { job, first, then } of wishes) {
    const known = namespaces.get(job.claim.namespace) ?? new Map<string, Group>();
    const add = (next: () => Pool | null, rest: Turn<Needs, Pool> | null): Turn<Needs, Pool> => {
      const turn = { number: turns.length, job, rest, next, groups: known, group: null, pool: null };
      turns.push(turn);
      queue(turn);
      return turn;
    };
    const rest = add(then, null);
    for (const next of first) add(next, rest);
  }
  for (let top = waiting.peek(); top >= 0; top = waiting.peek()) {
    const group = groups[top];
    const turn = group === undefined ? undefined : turns[firstIn(group)];
    if (group === undefined || turn === undefined || turn.pool === null) {
      waiting.remove(top);
      continue;
    }
    const { pool } = turn;
    pool.stoppedBy = seat(pool);
    if (pool.stoppedBy === null) {
      pool.replicas++;
      group.slots += pool.claim.slotsPerReplica;
    }
    queue(turn);
    rank(group);
  }
}

/** The number of the turn that is next; -1 = none is. */
function firstIn({ first, then }: Group): number {
  const number = first.peek();
  return number < 0 ? then.peek() : number;
}

function groupFor<Needs, Pool extends Filling<Needs>>({ groups }: Turn<Needs, Pool>, pool: Pool | null): Group | null {
  return pool === null ? null : (groups.get(pool.claim.resource) ?? null);
}

/** How full a job would be in the middle of its next replica: slots of that resource for its weight. */
function levelOf<Needs>({ claim, pools }: JobFilling<Needs>, { claim: next }: Filling<Needs>): number {
  let slots = next.slotsPerReplica / 2;
  for (const pool of pools) {
    if (pool.claim.resource === next.resource) slots += pool.replicas * pool.claim.slotsPerReplica;
  }
  return slots / claim.weight;
}

/** By namespace and resource, numbered in the order of their names: that decides ties. */
function groupsOf<Needs, Pool extends Filling<Needs>>(
  wishes: readonly Wish<Needs, Pool>[],
  weights: NamespaceWeights,
  newQueue: () => Queue,
): Map<string, Map<string, Group>> {
  const sums = new Map<string, Map<string, number>>();
  for (const { job } of wishes) {
    const { namespace } = job.claim;
    const byResource = sums.get(namespace) ?? new Map<string, number>();
    sums.set(namespace, byResource);
    for (const { claim, replicas } of job.pools) {
      byResource.set(claim.resource, (byResource.get(claim.resource) ?? 0) + replicas * claim.slotsPerReplica);
    }
  }
  let number = 0;
  const groups = new Map<string, Map<string, Group>>();
  for (const [namespace, byResource] of [...sums].sort(([a], [b]) => compareText(a, b))) {
    const weight = Object.hasOwn(weights, namespace) ? (weights[namespace] ?? 1) : 1;
    const some = new Map<string, Group>();
    for (const [resource, slots] of [...byResource].sort(([a], [b]) => compareText(a, b))) {
      some.set(resource, { number: number++, weight, slots, first: newQueue(), then: newQueue() });
    }
    groups.set(namespace, some);
  }
  return groups;
}
