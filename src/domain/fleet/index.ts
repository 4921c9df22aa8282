/** The door of the fleet: what the teachers of all jobs share, and the input of an allocation made from it. */
export { allocationInput, fleetSnapshotOf, parseReserve, replay } from './allocation-input.js';
export type { AllocationRules, FleetSnapshot, Reserve } from './allocation-input.js';
export type { ClusterSlots, CurrentTeacher, LedgerFacts, SlotSupply } from './slots.js';
