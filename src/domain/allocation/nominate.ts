/** Where the Pending pods of higher priority go: before any teacher, and in nobody's way if they can. Pure. */
import type { Board, LeavingTeacher, NeighbourClaim } from './types.js';
import { compareText } from './order.js';

/** The cluster at three times; each board has all neighbours on it that were placed so far. */
export interface Boards<Needs> {
  /** With every teacher on it. */
  readonly now: Board<Needs>;
  /** When those that were told to go are gone. */
  readonly soon: Board<Needs>;
  /** Without any teacher. */
  readonly empty: Board<Needs>;
}

export interface Seating<Needs> {
  readonly boards: Boards<Needs>;
  /** By uid; null = it fits nowhere, even without any teacher, and holds nothing. */
  readonly nodes: ReadonlyMap<string, string | null>;
  /** Nodes where teachers have to make room. */
  readonly needed: ReadonlySet<string>;
  /** Neighbours that wait for teachers to go, and where: no teacher may come in between. */
  readonly awaited: readonly Booked<Needs>[];
}

/** Teachers by where they are booked. */
export type Booked<Needs> = Pick<LeavingTeacher<Needs>, 'node' | 'needs'>;

/**
 * Places the neighbours as the scheduler would take them: the highest priority first, then the oldest. Each goes where
 * there is room by now, or else where a teacher is going already, or else where teachers must go. Should that cost one of
 * them the place that it would have had without us, all are placed as if there were no teachers.
 */
export function seatNeighbours<Needs>(
  claims: readonly NeighbourClaim<Needs>[],
  board: Board<Needs>,
  leaving: Iterable<Booked<Needs>>,
  staying: Iterable<Booked<Needs>>,
): Seating<Needs> {
  const soon = without(board, leaving);
  const empty = without(soon, staying);
  const sorted = [...claims].sort(
    (a, b) => b.priority - a.priority || a.createdAtMs - b.createdAtMs || compareText(a.uid, b.uid),
  );
  const boards = { now: board.fork(), soon: soon.fork(), empty: empty.fork() };
  const considerate = seat(sorted, boards, [boards.now, boards.soon]);
  if (![...considerate.nodes.values()].includes(null)) return considerate;
  const alone = seat(sorted, { now: board.fork(), soon, empty }, []);
  const costs = sorted.some(({ uid }) => considerate.nodes.get(uid) === null && alone.nodes.get(uid) !== null);
  return costs ? alone : considerate;
}

function without<Needs>(board: Board<Needs>, teachers: Iterable<Booked<Needs>>): Board<Needs> {
  const fork = board.fork();
  for (const { node, needs } of teachers) fork.release(node, needs);
  return fork;
}

function seat<Needs>(
  sorted: readonly NeighbourClaim<Needs>[],
  boards: Boards<Needs>,
  preferred: readonly Board<Needs>[],
): Seating<Needs> {
  const nodes = new Map<string, string | null>();
  const needed = new Set<string>();
  const awaited: Booked<Needs>[] = [];
  for (const { uid, needs } of sorted) {
    const node = firstPlace(needs, [...preferred, boards.empty]);
    nodes.set(uid, node);
    if (node === null) continue;
    if (!book(boards.now, node, needs)) awaited.push({ node, needs });
    if (!book(boards.soon, node, needs)) needed.add(node);
    boards.empty.take(node, needs);
  }
  return { boards, nodes, needed, awaited };
}

/** A node of the first board that has one; nothing is booked. */
function firstPlace<Needs>(needs: Needs, boards: readonly Board<Needs>[]): string | null {
  for (const board of boards) {
    const node = board.place(needs);
    if (node === null) continue;
    board.release(node, needs);
    return node;
  }
  return null;
}

/** Books a pod in any case; false when there was no room for it. */
function book<Needs>(board: Board<Needs>, node: string, needs: Needs): boolean {
  if (board.placeOn(node, needs)) return true;
  board.take(node, needs);
  return false;
}
