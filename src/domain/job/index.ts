/**
 * The door of the job: one snapshot in, one plan out.
 *
 *  jobRequestOf(observation) → allocation → grants in the snapshot → decide(snapshot) → plan
 */
export { blockedStatus } from './blocked.js';
export { dampedRequest } from './damp.js';
export type { PoolState } from './damp.js';
export { decide } from './decide.js';
export { jobDemandOf } from './demand.js';
export type { JobDemand } from './demand.js';
export { finalizeInvalid, invalidStatus } from './invalid.js';
export type { InvalidJob } from './invalid.js';
export { limitFor, noLimits, parseLimit, parseNamespaceWeights, withinLimits } from './limits.js';
export type { Limits, LimitSetting } from './limits.js';
export type { Plan, StreamPlan } from './plan.js';
export { defaultPolicy } from './policy.js';
export type { Policy } from './policy.js';
export { jobRequestOf, slotsPerReplicaOf } from './request.js';
export type {
  ClusterObservation,
  EndedProcess,
  JobObservation,
  KueueSupport,
  ObservedTeacher,
  PoolObservation,
  PresentStreams,
  Snapshot,
  StreamObservation,
  StudentObservation,
  StudentQueue,
} from './snapshot.js';
export { worthWriting } from './worth-writing.js';
