/** The ledger's door: amounts, placement, and the account of the cluster's slots. */
export { Ledger } from './ledger.js';
export type { LedgerNode, LedgerPod, PodNeeds } from './ledger.js';
export { fits } from './placement.js';
export type { NodeFacts, NodeSelectorTerm, Placement, Taint, Toleration } from './placement.js';
export { amountsOf, effectiveRequests, thousandthsOf } from './resources.js';
export type { Amounts, PodResources } from './resources.js';
