/**
 * The door of the fleet: what all jobs share. The slots of their teachers, the input of an allocation made from them, and the
 * streams of jobs that are gone.
 */
export { allocationInput, fleetSnapshotOf, parseReserve, replay } from './allocation-input.js';
export type { AllocationRules, FleetSnapshot, Reserve } from './allocation-input.js';
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
export type { ClusterSlots, CurrentTeacher, SlotSupply } from './slots.js';
