/** Queries of tests on a placement. */
import type { Placement, PodNeeds } from '../../src/domain/index.js';

/** Number of further pods with these needs that have room, up to `most`; places none. */
export function roomOn(placement: Placement<PodNeeds>, needs: PodNeeds, most = 1_000): number {
  const trial = placement.fork();
  let room = 0;
  while (room < most && trial.place(needs) !== null) room++;
  return room;
}
