/** The door of the deciding room: one snapshot in, one plan out. */
export { decide } from './decide.js';
export type { PoolPlan } from './demand.js';
export { amountsOf, effectiveRequests, Ledger } from './ledger/index.js';
export type { Amounts, LedgerNode, PodNeeds, PodResources, Taint } from './ledger/index.js';
export { hinder } from './hinder.js';
export { dismiss, refuse } from './refuse.js';
export type { Dismissal, InvalidJob } from './refuse.js';
export { worthWriting } from './worth-writing.js';
export type { JobPlan, Plan, StreamPlan } from './plan.js';
export type {
  ClusterObservation,
  EndedProcess,
  PoolObservation,
  PresentStreams,
  Snapshot,
  StreamObservation,
  StudentObservation,
} from './snapshot.js';
export { claimOf, jobDemandOf, shareOut } from './share/index.js';
export type { Board, JobClaim, PoolState, Teacher } from './share/index.js';
