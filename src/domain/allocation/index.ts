/**
 * The door of the fair share (DESIGN §5.3 to §5.6), over all jobs at once:
 *
 *  jobDemandOf(snapshot) → claimOf(job, demand, pools, nowMs) → shareOut({ jobs, neighbours, … }) → sentenceOf(grants)
 */
export type {
  Board,
  Grant,
  GrantReason,
  JobClaim,
  LeavingTeacher,
  NamespaceWeights,
  NeighbourClaim,
  PoolClaim,
  ResourceSupply,
  Share,
  ShareInput,
  Stop,
  Teacher,
} from './types.js';
export { claimOf, minimumRunMs } from '../job/damp.js';
export type { PoolState } from '../job/damp.js';
export { jobDemandOf } from '../job/demand.js';
export type { JobDemand, RateDemand } from '../job/demand.js';
export { wantedOf } from './fill.js';
export { sentenceOf } from './sentence.js';
export { shareOut } from './allocate.js';
