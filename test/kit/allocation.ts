/** Makers of claims: a test names what matters to it, the rest is one GPU a teacher and as many as it likes. */
import type {
  JobClaim,
  LeavingTeacher,
  NeighbourClaim,
  PoolClaim,
  Share,
  ShareInput,
  Teacher,
} from '../../src/domain/allocation/index.js';
import { type BoardNeeds, type BoardNode, boardOf } from './placement.js';

export const oneGpu: BoardNeeds = { gpu: 1, cpu: 1 };

export function poolClaim(claim: Partial<PoolClaim<BoardNeeds>> = {}): PoolClaim<BoardNeeds> {
  return {
    name: 'gpu',
    needs: oneGpu,
    resource: 'nvidia.com/gpu',
    slotsPerReplica: 1,
    minReplicas: 0,
    keepReplicas: 0,
    maxReplicas: 100,
    unitsPerReplica: 1,
    teachers: [],
    ...claim,
  };
}

interface Belongs {
  readonly weight?: number;
  readonly namespace?: string;
}

/** A job that wants a number of teachers in one pool. */
export function jobClaim(
  uid: string,
  wanted: number,
  { weight = 1, namespace, ...pool }: Partial<PoolClaim<BoardNeeds>> & Belongs = {},
): JobClaim<BoardNeeds> {
  return { ...poolsClaim(uid, wanted, [poolClaim(pool)], weight), ...(namespace === undefined ? {} : { namespace }) };
}

export function poolsClaim(
  uid: string,
  wanted: number,
  pools: readonly PoolClaim<BoardNeeds>[],
  weight = 1,
): JobClaim<BoardNeeds> {
  return { uid, namespace: 'default', weight, wanted, maxReplicas: 1_000, pools };
}

/** @param where `a a b ?`: a teacher on each of these nodes, `?` on none yet; named by number, the first is the oldest */
export function teachers(where: string, needs: BoardNeeds = oneGpu, prefix = 't'): Teacher<BoardNeeds>[] {
  return where.split(' ').map((node, index) => ({
    name: `${prefix}${String(index)}`,
    node: node === '?' ? null : node,
    needs,
    ready: node !== '?',
    besideOthers: 0,
    samplesPerSecond: 100,
    createdAtMs: index,
  }));
}

export function neighbour(
  uid: string,
  { needs = oneGpu, priority = 0 }: { readonly needs?: BoardNeeds; readonly priority?: number } = {},
): NeighbourClaim<BoardNeeds> {
  return { uid, needs, priority, createdAtMs: 0, slots: { 'nvidia.com/gpu': needs.gpu } };
}

export function leavingFrom(node: string, needs: BoardNeeds = oneGpu): LeavingTeacher<BoardNeeds> {
  return { node, needs, resource: 'nvidia.com/gpu', slots: needs.gpu };
}

/** `a4 b8`: nodes with so many GPUs, and cores enough. */
export function nodes(text: string): BoardNode[] {
  return text.split(' ').map((node) => ({ name: node.charAt(0), gpu: Number(node.slice(1)), cpu: 1_000 }));
}

/** The input of a share, with all of its teachers booked on the board. */
export function shareInput(
  cluster: readonly BoardNode[],
  input: Partial<Omit<ShareInput<BoardNeeds>, 'board'>>,
): ShareInput<BoardNeeds> {
  const { jobs = [], neighbours = [], leaving = [], supply = {}, namespaceWeights = {} } = input;
  const board = boardOf(cluster);
  for (const { node, needs } of leaving) board.take(node, needs);
  for (const { node, needs } of jobs.flatMap(({ pools }) => pools.flatMap((pool) => pool.teachers))) {
    if (node !== null) board.take(node, needs);
  }
  return { jobs, neighbours, leaving, supply, namespaceWeights, board };
}

/** `a: 4` or `a: 2→4` while two wait for their slots; pools by comma, teachers that leave in brackets. */
export function told({ grants }: Share): string {
  return [...grants]
    .map(([uid, pools]) => {
      const texts = pools.map(({ replicas, due, leave }) => {
        const number = replicas === due ? String(due) : `${String(replicas)}→${String(due)}`;
        return leave.length === 0 ? number : `${number} [${leave.join(' ')}]`;
      });
      return `${uid}: ${texts.join(', ')}`;
    })
    .join('; ');
}
