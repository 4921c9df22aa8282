/**
 * When a pool pauses. The ledger approximates the scheduler: if a teacher stays unschedulable where the ledger saw room, or its pod may
 * not be created, the teacher is given up, and the pool gets no other one for a time (policy.ts). Its slots are for other jobs meanwhile;
 * and a ReplicaSet that fails to create pods tries again after ever longer times, up to 17 minutes, until it is scaled. The status
 * remembers the pause, so that a restarted operator keeps it. Pure.
 */
import type { DistillJobStatus } from '../../../api/index.js';
import { defaultPolicy, type JobObservation, type Policy, policyOf, type PoolObservation } from '../shapes/index.js';

/**
 * @param status the job's, as it was last written
 * @returns the end of the pause in milliseconds since 1970, in whole seconds as the status holds it; null = no pause
 */
export function pausedUntilMs(
  { name, unplacedSinceMs }: Pick<PoolObservation, 'name' | 'unplacedSinceMs'>,
  status: DistillJobStatus | undefined,
  nowMs: number,
  { unplacedMs, pauseMs }: Pick<Policy, 'unplacedMs' | 'pauseMs'> = defaultPolicy,
): number | null {
  const nextEndMs = Math.floor((nowMs + pauseMs) / 1_000) * 1_000;
  const written = status?.teachers?.pools.find((pool) => pool.name === name)?.pausedUntil;
  const endMs = written === undefined ? 0 : Date.parse(written);
  // An operator whose clock ran ahead may have written it: no pause is longer than the policy says.
  if (endMs > nowMs) return Math.min(endMs, nextEndMs);
  const isGivenUp = unplacedSinceMs !== null && nowMs - unplacedSinceMs > unplacedMs;
  return isGivenUp ? nextEndMs : null;
}

/** The same of a pool of the job that was observed. */
export function pauseEndMs(pool: PoolObservation, observation: JobObservation): number | null {
  return pausedUntilMs(pool, observation.job.status, observation.nowMs, policyOf(observation));
}
