/**
 * The door of the job: one snapshot in, one plan out.
 *
 *  jobRequestOf(observation) → allocation → grants in the snapshot → decide(snapshot) → plan
 */
export { blockedStatus } from './blocked.js';
export { decide } from './decide.js';
export { finalizeInvalid, type InvalidJob, invalidStatus } from './invalid.js';
export {
  dampedRequest,
  type JobDemand,
  jobDemandOf,
  jobRequestOf,
  type PoolState,
  slotsPerReplicaOf,
} from './demand/index.js';
export {
  type ClusterObservation,
  defaultPolicy,
  type EndedProcess,
  type JobObservation,
  type KueueSupport,
  limitFor,
  type Limits,
  type LimitSetting,
  noLimits,
  type ObservedTeacher,
  parseLimit,
  parseNamespaceWeights,
  type Plan,
  type Policy,
  type PoolObservation,
  type PresentStreams,
  type Snapshot,
  type StreamObservation,
  type StreamPlan,
  type StudentObservation,
  type StudentQueue,
  withinLimits,
} from './shapes/index.js';
export { worthWriting } from './status/index.js';
