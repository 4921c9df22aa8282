/** The door of the fair share: claims of all jobs and their neighbours in, grants and their reasons out. */
export { wantedOf } from './fill.js';
export type {
  Board,
  Grant,
  GrantReason,
  JobClaim,
  LeavingTeacher,
  NeighbourClaim,
  PoolClaim,
  ResourceSupply,
  Share,
  ShareInput,
  Stop,
  Teacher,
} from './claims.js';
export { sentenceOf } from './sentence.js';
export { shareOut } from './share.js';
export { inOrderOfLeaving, victims } from './victims.js';
export { claimOf, minimumRunMs } from './damp.js';
export type { PoolState } from './damp.js';
export { jobDemandOf } from './demand.js';
export type { JobDemand, RateDemand } from './demand.js';
