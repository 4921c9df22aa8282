/** The door of the deciding room: one snapshot in, one plan out. */
export { decide } from './decide.js';
export type { PoolPlan } from './demand.js';
export type { Plan, StreamPlan } from './plan.js';
export type {
  ClusterObservation,
  EndedProcess,
  PoolObservation,
  PresentStreams,
  Snapshot,
  StreamObservation,
  StudentObservation,
} from './snapshot.js';
