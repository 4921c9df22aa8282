/**
 * Which teachers of a pool leave when some must. Pure.
 *
 * A ReplicaSet reads the deletion cost only between pods that are equal otherwise (kubernetes/kubernetes
 * pkg/controller/controller_utils.go, ActivePodsWithRanks): pods without a node leave before pods with one, Pending before
 * Running, not ready before ready. The order here agrees with it except for a node that a pending pod needs: while a pool
 * has teachers elsewhere that are not ready, those leave first, and a later decision serves the pending pod.
 */
import { compareText } from './queue.js';
import type { PoolRequest, Teacher } from './types.js';

type Candidate = Omit<Teacher<unknown>, 'needs'>;
export type BoundTeacher<Needs> = Teacher<Needs> & { readonly node: string };

/** Bound teachers of a pool, in the order in which they leave when it is granted this number. */
export type VictimOrder<Needs> = (pool: PoolRequest<Needs>, replicas: number) => BoundTeacher<Needs>[];

/**
 * Sorts pods in the order in which they leave: on a reclaimed node, without a node, not ready, next to the most slots of
 * other pods (so that freed slots make whole free nodes and not fragments: docs/adr/0012), with the lowest measured rate,
 * the youngest, which lose the least. The name decides last.
 * @param reclaimed nodes that pending pods need
 */
export function inVictimOrder<Pod extends Candidate>(pods: readonly Pod[], reclaimed: ReadonlySet<string>): Pod[] {
  const isReclaimed = ({ node }: Pod): boolean => reclaimed.size > 0 && node !== null && reclaimed.has(node);
  return [...pods].sort(
    (a, b) =>
      Number(isReclaimed(b)) - Number(isReclaimed(a)) ||
      Number(b.node === null) - Number(a.node === null) ||
      Number(a.ready) - Number(b.ready) ||
      b.coLocatedSlots - a.coLocatedSlots ||
      a.samplesPerSecond - b.samplesPerSecond ||
      b.createdAtMs - a.createdAtMs ||
      compareText(a.name, b.name),
  );
}

export function victimOrder<Needs>(reclaimed: ReadonlySet<string>): VictimOrder<Needs> {
  return ({ teachers }, replicas) => {
    const bound = teachers.filter(isBound);
    // Where all may stay, the order does not matter: do not sort.
    const allStay = bound.length <= replicas && !bound.some(({ node }) => reclaimed.has(node));
    return allStay ? bound : inVictimOrder(bound, reclaimed);
  };
}

/** The same order, but teachers on these nodes leave last: one for each time that a node is listed. */
export function keepingOn<Needs>(
  nodes: readonly string[],
  teachers: readonly BoundTeacher<Needs>[],
): BoundTeacher<Needs>[] {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1);
  const kept: BoundTeacher<Needs>[] = [];
  const others: BoundTeacher<Needs>[] = [];
  for (const teacher of teachers.toReversed()) {
    const left = counts.get(teacher.node) ?? 0;
    counts.set(teacher.node, left - 1);
    (left > 0 ? kept : others).unshift(teacher);
  }
  return [...others, ...kept];
}

function isBound<Needs>(teacher: Teacher<Needs>): teacher is BoundTeacher<Needs> {
  return teacher.node !== null;
}
