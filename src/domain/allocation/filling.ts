/** Jobs and their pools while replicas are given to them (fill.ts). */
import type { JobClaim, PoolClaim, Stop } from './types.js';

/** A pool while it is filled. */
export interface Filling<Needs> {
  readonly claim: PoolClaim<Needs>;
  replicas: number;
  stoppedBy: Stop | null;
}

export interface JobFilling<Needs, Pool extends Filling<Needs> = Filling<Needs>> {
  readonly claim: JobClaim<Needs>;
  readonly pools: readonly Pool[];
}

export function emptyFilling<Needs, Pool extends Filling<Needs>>(
  claim: JobClaim<Needs>,
  poolOf: (filling: Filling<Needs>) => Pool,
): JobFilling<Needs, Pool> {
  return { claim, pools: claim.pools.map((pool) => poolOf({ claim: pool, replicas: 0, stoppedBy: null })) };
}
