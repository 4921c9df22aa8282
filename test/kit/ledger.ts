/** Questions of tests to a placement. */
import type { Placement, PodNeeds } from '../../src/domain/index.js';

/** How many more pods with these needs have room, counted up to `most`; places none. */
export function roomOn(placement: Placement<PodNeeds>, needs: PodNeeds, most = 1_000): number {
  const trial = placement.fork();
  let room = 0;
  while (room < most && trial.place(needs) !== null) room++;
  return room;
}
