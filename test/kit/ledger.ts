/** What a test asks of a ledger. */
import type { Placement, PodNeeds } from '../../src/domain/index.js';

/** How many more pods with these needs would find a place, counted no further than `most`; places none. */
export function roomOn(board: Placement<PodNeeds>, needs: PodNeeds, most = 1_000): number {
  const trial = board.fork();
  let room = 0;
  while (room < most && trial.place(needs) !== null) room++;
  return room;
}
