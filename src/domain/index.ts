/**
 * The door of the deciding room. Data walks one way through its four rooms:
 *
 *  ledger      what nodes have and pods take; where one more pod fits
 *  allocation  today's share of the slots, over all jobs
 *  fleet       what all jobs share: the input of an allocation, and the streams of jobs that are gone
 *  job         one job: snapshot in, plan out
 */
export { allocate } from './allocation/index.js';
export type { Grant, JobRequest, NamespaceWeights, Teacher } from './allocation/index.js';
export { allocationInput, fleetSnapshotOf, nothingMissing, parseReserve, planSweep, replay } from './fleet/index.js';
export type {
  AllocationRules,
  ClusterSlots,
  CurrentTeacher,
  FleetSnapshot,
  LeftStreams,
  MissingSince,
  Orphan,
  Reserve,
  SlotSupply,
  StoredStream,
  StreamAccount,
  StreamOwner,
  SweepPlan,
  SweepSnapshot,
} from './fleet/index.js';
export {
  blockedStatus,
  dampedRequest,
  decide,
  defaultPolicy,
  finalizeInvalid,
  invalidStatus,
  jobDemandOf,
  jobRequestOf,
  limitFor,
  noLimits,
  parseLimit,
  parseNamespaceWeights,
  slotsPerReplicaOf,
  withinLimits,
  worthWriting,
} from './job/index.js';
export type {
  ClusterObservation,
  EndedProcess,
  InvalidJob,
  JobObservation,
  KueueSupport,
  Limits,
  LimitSetting,
  ObservedTeacher,
  Plan,
  PoolObservation,
  Policy,
  PoolState,
  PresentStreams,
  Snapshot,
  StreamObservation,
  StreamPlan,
  StudentObservation,
  StudentQueue,
} from './job/index.js';
export {
  amountsOf,
  defaultAccelerators,
  deviceResource,
  effectiveRequests,
  higherPriorityPods,
  isAccelerator,
  isLeaving,
  isSolvedByEviction,
  Ledger,
  noDriver,
  slotResource,
} from './ledger/index.js';
export type {
  Amounts,
  LedgerNode,
  LedgerPod,
  NodeWait,
  Placement,
  PodNeeds,
  PodResources,
  PodResourcesStatus,
  ResizedContainer,
  SchedulingConstraints,
  Taint,
  UnboundPod,
} from './ledger/index.js';
