/**
 * The ledger's door: amounts, placement, the account of the cluster's slots, drafts of it on which a share is tried, and
 * who waits for a place before us.
 */
export { defaultAccelerators, isAccelerator } from './accelerators.js';
export type { LedgerNode, LedgerPod } from './account.js';
export type { Draft, PodNeeds } from './draft.js';
export { Ledger } from './ledger.js';
export { isMendedByRoom, neighboursOf } from './neighbours.js';
export type { Neighbour, Waiting, WaitingPod } from './neighbours.js';
export { isLeaving } from './notices.js';
export type { NodeNotices } from './notices.js';
export { fits } from './placement.js';
export type { NodeFacts, NodeSelectorTerm, Placement, Taint, Toleration } from './placement.js';
export { amountsOf, effectiveRequests, thousandthsOf } from './resources.js';
export type { Amounts, PodResources, PodResourcesStatus, ResizedContainer } from './resources.js';
