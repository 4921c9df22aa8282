/** The door of the deciding room: one snapshot in, one plan out. */
export { decide } from './job/decide.js';
export { jobClaimOf, slotsPerReplicaOf } from './job/request.js';
export type { PoolPlan } from './job/request.js';
export { fleetSnapshotOf, inputOf, parseReserve, replayed } from './fleet/allocation-input.js';
export type { FleetSnapshot, Reserve, ShareRules } from './fleet/allocation-input.js';
export type { Account, SeatedTeacher, Slots, SlotSupply } from './fleet/slots.js';
export {
  amountsOf,
  defaultAccelerators,
  effectiveRequests,
  isAccelerator,
  isLeaving,
  isMendedByRoom,
  Ledger,
  neighboursOf,
} from './ledger/index.js';
export type {
  Amounts,
  Draft,
  LedgerNode,
  LedgerPod,
  Placement,
  PodNeeds,
  PodResources,
  PodResourcesStatus,
  ResizedContainer,
  Taint,
  Waiting,
  WaitingPod,
} from './ledger/index.js';
export { noLimits, parseLimit, parseNamespaceWeights, withinLimits } from './job/limits.js';
export type { Limits, LimitSetting } from './job/limits.js';
export { hinder } from './job/blocked.js';
export { dismiss, refuse } from './job/invalid.js';
export type { Dismissal, InvalidJob } from './job/invalid.js';
export { worthWriting } from './job/worth-writing.js';
export type { JobPlan, Plan, StreamPlan } from './job/plan.js';
export type {
  ClusterObservation,
  EndedProcess,
  ObservedTeacher,
  PoolObservation,
  PresentStreams,
  Snapshot,
  StreamObservation,
  StudentObservation,
} from './job/snapshot.js';
export { claimOf, jobDemandOf, sentenceOf, shareOut } from './allocation/index.js';
export type { Board, Grant, JobClaim, NamespaceWeights, PoolState, Share, Teacher } from './allocation/index.js';
