/**
 * The ledger's door: amounts, placement, the account of the cluster's slots, drafts of it on which a share is tried, and
 * who waits for a place before us.
 */
export { defaultAccelerators, isAccelerator } from './accelerators.js';
export type { LedgerNode, LedgerPod } from './node-usage.js';
export type { Draft, PodNeeds } from './placement.js';
export { Ledger } from './ledger.js';
export { isMendedByRoom, neighboursOf } from './pending-pods.js';
export type { Neighbour, Waiting, WaitingPod } from './pending-pods.js';
export { isLeaving } from './notices.js';
export type { NodeNotices } from './notices.js';
export { fits } from './constraints.js';
export type { NodeFacts, NodeSelectorTerm, Placement, Taint, Toleration } from './constraints.js';
export { amountsOf, effectiveRequests, thousandthsOf } from './resources.js';
export type { Amounts, PodResources, PodResourcesStatus, ResizedContainer } from './resources.js';
