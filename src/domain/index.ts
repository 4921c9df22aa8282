/** The door of the deciding room: one snapshot in, one plan out. */
export { decide } from './decide.js';
export { jobClaimOf, slotsPerReplicaOf } from './claim.js';
export type { PoolPlan } from './claim.js';
export { fleetSnapshotOf, inputOf, parseReserve, replayed } from './fleet.js';
export type { FleetSnapshot, Reserve, ShareRules } from './fleet.js';
export type { Account, SeatedTeacher, Slots, SlotSupply } from './slots.js';
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
export { limitFor, noLimits, parseLimit, parseNamespaceWeights, withinLimits } from './limits.js';
export type { Limits, LimitSetting } from './limits.js';
export { hinder } from './hinder.js';
export { nothingMissing, planSweep } from './orphans.js';
export type {
  LeftStreams,
  MissingSince,
  Orphan,
  StoredStream,
  StreamAccount,
  StreamOwner,
  SweepPlan,
  SweepSnapshot,
} from './orphans.js';
export { dismiss, refuse } from './refuse.js';
export type { Dismissal, InvalidJob } from './refuse.js';
export { worthWriting } from './worth-writing.js';
export type { JobPlan, Plan, StreamPlan } from './plan.js';
export type {
  ClusterObservation,
  EndedProcess,
  ObservedTeacher,
  PoolObservation,
  PresentStreams,
  Snapshot,
  StreamObservation,
  StudentObservation,
} from './snapshot.js';
export { claimOf, jobDemandOf, sentenceOf, shareOut } from './share/index.js';
export type { Board, Grant, JobClaim, NamespaceWeights, PoolState, Share, Teacher } from './share/index.js';
