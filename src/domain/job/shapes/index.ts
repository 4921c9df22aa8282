/** The door of src/domain/job/shapes. What a decision reads and returns. */
export {
  limitFor,
  type Limits,
  type LimitSetting,
  noLimits,
  parseLimit,
  parseNamespaceWeights,
  withinLimits,
} from './limits.js';
export type { JobPlan, Plan, PoolPlan, StreamPlan } from './plan.js';
export { defaultPolicy, type Policy, policyOf } from './policy.js';
export {
  type ClusterObservation,
  type EndedProcess,
  type JobObservation,
  type KueueSupport,
  type ObservedTeacher,
  type PoolObservation,
  type PresentStreams,
  readyTeachers,
  type ReadyTeachers,
  type Snapshot,
  type StreamObservation,
  type StudentObservation,
  type StudentQueue,
} from './snapshot.js';
export { conditionIn, endIn, isTrueIn } from './status-reader.js';
