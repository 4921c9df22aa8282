/**
 * Which of the new teachers may start now. Pure.
 *
 * The scheduler chooses their nodes and does not know who is expected where: it may put a teacher on a node where another
 * pod is expected. Kinds of teachers that could take each other's places therefore start one after the other.
 */
import type { Placement } from '../ledger/index.js';
import type { AddedTeacher, AssignedPool, Assignment } from './assign.js';
import type { Nominations, PlacedPod } from './nominate.js';
import { boundTeachers, Quota, type Slots } from './quota.js';

/** How many teachers of each pool may start now. */
export type Admitted<Needs> = ReadonlyMap<AssignedPool<Needs>, number>;

/**
 * Admits new teachers for which there is room now. A pool that loses teachers loses them first. The largest kind comes
 * first, since the others fit where it does not; of two equal kinds, the one that was granted first.
 *
 * @param current the cluster as it is
 */
export function admit<Needs>(
  { added, placement: target }: Assignment<Needs>,
  current: Placement<Needs>,
  { stages, waiting: waitingPods }: Pick<Nominations<Needs>, 'stages' | 'waiting'>,
  slots: Slots,
): Admitted<Needs> {
  const quota = new Quota(slots);
  const displaces = displacing(current.fork(), target.fork());
  const kinds = kindsOf(added);
  const expected = kinds.map(onePerNode);
  const admitted = new Map<AssignedPool<Needs>, number>();
  const admitIf = (pool: AssignedPool<Needs>, hasRoom: () => boolean): boolean => {
    const { request, stay } = pool;
    const isAdmitted = stay.size === boundTeachers(request) && quota.has(request) && hasRoom();
    if (!isAdmitted) return false;
    quota.use(request);
    admitted.set(pool, (admitted.get(pool) ?? 0) + 1);
    return true;
  };
  const displacesAny = ([one]: readonly AddedTeacher<Needs>[], of: (index: number) => boolean): boolean => {
    if (one === undefined) return false;
    const { needs } = one.pool.request;
    return displaces(needs, waitingPods) || expected.some((some, index) => of(index) && displaces(needs, some));
  };
  const notYet = kinds.map((kind, index) => {
    if (displacesAny(kind, (other) => other < index)) return [];
    return kind.filter(({ pool, node }) => !admitIf(pool, () => stages.now.placeOn(node, pool.request.needs)));
  });
  // Places of one kind are interchangeable: a teacher whose place is not free yet takes any unexpected one.
  for (const [index, kind] of notYet.entries()) {
    if (displacesAny(kind, (other) => other !== index)) continue;
    for (const { pool } of kind) admitIf(pool, () => stages.now.place(pool.request.needs) !== null);
  }
  return admitted;
}

/** Teachers with equal needs together, the largest kind first. */
function kindsOf<Needs>(added: readonly AddedTeacher<Needs>[]): AddedTeacher<Needs>[][] {
  const names = new Map<Needs, string>();
  const kinds = new Map<string, AddedTeacher<Needs>[]>();
  for (const teacher of added) {
    const { needs } = teacher.pool.request;
    const name = names.get(needs) ?? JSON.stringify(needs);
    names.set(needs, name);
    const kind = kinds.get(name) ?? [];
    kinds.set(name, kind);
    kind.push(teacher);
  }
  const sizeOf = ([teacher]: readonly AddedTeacher<Needs>[]): number => teacher?.pool.request.slotsPerReplica ?? 0;
  return [...kinds.values()].sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** One teacher for each node is enough: where one of a kind would displace another pod, none of the kind starts. */
function onePerNode<Needs>(kind: readonly AddedTeacher<Needs>[]): PlacedPod<Needs>[] {
  const pods = new Map<string, PlacedPod<Needs>>();
  for (const { node, pool } of kind) pods.set(node, { node, needs: pool.request.needs });
  return [...pods.values()];
}

/**
 * @param current the cluster as it is
 * @param target with every pod on its expected node
 * @returns whether the scheduler could put a teacher with these needs on one of these nodes now and so leave too little room for the
 *   pod that is expected there
 */
function displacing<Needs>(
  current: Placement<Needs>,
  target: Placement<Needs>,
): (needs: Needs, expected: readonly PlacedPod<Needs>[]) => boolean {
  return (needs, pods) =>
    pods.some(({ node, needs: expected }) => {
      if (!current.placeOn(node, needs)) return false;
      current.remove(node, needs);
      target.remove(node, expected);
      target.add(node, needs);
      const fits = target.placeOn(node, expected);
      target.remove(node, needs);
      if (!fits) target.add(node, expected);
      return !fits;
    });
}
