/** Kills processes of a run at random moments, drawn from a seed. */
import { setTimeout as sleep } from 'node:timers/promises';

import { type Random, randomFrom } from '@distillery/base';

import type { DistillProcess } from '../../kit/distill.js';

export type Victim = 'student' | 'teacher' | 'nats';

/** Kills one process of the run, if there is one. @returns its role */
function killOne(run: DistillProcess, victim: Victim, random: Random): Victim | null {
  const pids = run.progress?.pids;
  if (pids === undefined) return null;
  const teacher = pids.teachers[random.below(Math.max(1, pids.teachers.length))] ?? null;
  const pid = { student: pids.student, teacher, nats: pids.nats }[victim];
  if (pid === null) return null;
  try {
    process.kill(pid, 'SIGKILL');
    return victim;
  } catch {
    // It has just ended by itself.
    return null;
  }
}

/**
 * Kills the victims in turn, twice each, until the run ends.
 * @param pauseMs longest time between two of them, beside 100 ms
 * @returns those that were killed
 */
export async function killVictims(
  run: DistillProcess,
  {
    seed,
    victims,
    pauseMs = 900,
  }: { readonly seed: number; readonly victims: readonly Victim[]; readonly pauseMs?: number },
): Promise<readonly Victim[]> {
  const random = randomFrom(seed);
  const killed: Victim[] = [];
  await run.until('the first steps are trained', () => (run.progress?.step ?? 0) > 0);
  const over = run.ended().then(() => true);
  for (let round = 0; round < 2 * victims.length; round++) {
    const pause = sleep(100 + random.below(pauseMs)).then(() => false);
    if (await Promise.race([over, pause])) break;
    const victim = victims[round % victims.length];
    const hit = victim === undefined ? null : killOne(run, victim, random);
    if (hit !== null) killed.push(hit);
  }
  return killed;
}
