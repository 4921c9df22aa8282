/**
 * The door of the ledger: amounts of resources, what every node has and what its pods take, and trial placements on a
 * copy of it. It knows nothing of jobs and teachers.
 */
export { isSchedulable } from './constraints.js';
export type { NodeFacts, NodeSelectorTerm, SchedulingConstraints, Taint } from './constraints.js';
export { deviceResource, noDriver, slotResource } from './devices.js';
export { Ledger } from './ledger.js';
export { defaultAccelerators, isAccelerator } from './node-usage.js';
export type { LedgerNode, LedgerPod } from './node-usage.js';
export { isLeaving } from './notices.js';
export type { NodeNotices } from './notices.js';
export { higherPriorityPods, isSolvedByEviction } from './pending-pods.js';
export type { NodeWait, UnboundPod } from './pending-pods.js';
export type { Placement } from './placement.js';
export type { PodNeeds } from './pod-kinds.js';
export { amountsOf, effectiveRequests, thousandthsOf } from './resources.js';
export type { Amounts, PodResources, PodResourcesStatus, ResizedContainer } from './resources.js';
