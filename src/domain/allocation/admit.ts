/**
 * Which of the teachers that come new can be told to come now. Pure.
 *
 * The scheduler chooses their nodes, and knows nothing of what is expected here: a teacher that would fit where somebody
 * else is expected may be put there. So kinds of teachers come one after the other where they are in each other's way.
 */
import { type Budget, boundIn, purseOf } from './quota.js';
import type { Board } from './types.js';
import type { Seating } from './nominate.js';
import type { FreshSeat, SeatedPool, Seats } from './assign.js';

/** A place where a neighbour or a teacher is expected. */
interface Place<Needs> {
  readonly node: string;
  readonly needs: Needs;
}

/**
 * How many teachers of each pool find room by now. A pool that loses teachers loses them first. The largest kind comes
 * first, since the others fit where it does not; of two that are alike, the one that was given a place first.
 *
 * @param board as the cluster is
 */
export function comingNow<Needs>(
  { fresh, board: target }: Seats<Needs>,
  board: Board<Needs>,
  { boards, awaited }: Pick<Seating<Needs>, 'boards' | 'awaited'>,
  budget: Budget,
): ReadonlyMap<SeatedPool<Needs>, number> {
  const purse = purseOf(budget);
  const mayIntrude = intruding(board.fork(), target.fork());
  const kinds = kindsOf(fresh);
  const places = kinds.map(placesOf);
  const coming = new Map<SeatedPool<Needs>, number>();
  const come = (pool: SeatedPool<Needs>, hasRoom: () => boolean): boolean => {
    const { resource, slotsPerReplica } = pool.claim;
    const mayCome = pool.stay.size === boundIn(pool.claim) && purse.holds(resource, slotsPerReplica) && hasRoom();
    if (!mayCome) return false;
    purse.spend(resource, slotsPerReplica);
    coming.set(pool, (coming.get(pool) ?? 0) + 1);
    return true;
  };
  const isInTheWay = ([one]: readonly FreshSeat<Needs>[], of: (index: number) => boolean): boolean => {
    if (one === undefined) return false;
    const { needs } = one.pool.claim;
    return mayIntrude(needs, awaited) || places.some((some, index) => of(index) && mayIntrude(needs, some));
  };
  const waiting = kinds.map((kind, index) => {
    if (isInTheWay(kind, (other) => other < index)) return [];
    return kind.filter(({ pool, node }) => !come(pool, () => boards.now.placeOn(node, pool.claim.needs)));
  });
  // Seats are alike for a kind: one whose place is not free yet takes another that is, if that is nobody's.
  for (const [index, kind] of waiting.entries()) {
    if (isInTheWay(kind, (other) => other !== index)) continue;
    for (const { pool } of kind) come(pool, () => boards.now.place(pool.claim.needs) !== null);
  }
  return coming;
}

function kindsOf<Needs>(fresh: readonly FreshSeat<Needs>[]): FreshSeat<Needs>[][] {
  const names = new Map<Needs, string>();
  const kinds = new Map<string, FreshSeat<Needs>[]>();
  for (const seat of fresh) {
    const { needs } = seat.pool.claim;
    const name = names.get(needs) ?? JSON.stringify(needs);
    names.set(needs, name);
    const kind = kinds.get(name) ?? [];
    kinds.set(name, kind);
    kind.push(seat);
  }
  const sizeOf = ([seat]: readonly FreshSeat<Needs>[]): number => seat?.pool.claim.slotsPerReplica ?? 0;
  return [...kinds.values()].sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** One for each node: where one of a kind would be in the way, none of it comes. */
function placesOf<Needs>(kind: readonly FreshSeat<Needs>[]): Place<Needs>[] {
  const places = new Map<string, Place<Needs>>();
  for (const { node, pool } of kind) places.set(node, { node, needs: pool.claim.needs });
  return [...places.values()];
}

/**
 * Whether a teacher could be put on the node of somebody else by now, and leave too little for whoever is expected there.
 *
 * @param board as the cluster is; @param target with everybody in the place that is theirs
 */
function intruding<Needs>(
  board: Board<Needs>,
  target: Board<Needs>,
): (needs: Needs, places: readonly Place<Needs>[]) => boolean {
  return (needs, places) =>
    places.some(({ node, needs: expected }) => {
      if (!board.placeOn(node, needs)) return false;
      board.release(node, needs);
      target.release(node, expected);
      target.take(node, needs);
      const fits = target.placeOn(node, expected);
      target.release(node, needs);
      if (!fits) target.take(node, expected);
      return !fits;
    });
}
