/** The door of the checkpoint room: the blob, the stores' contract, the file store. */
export { decodeCheckpoint, digestOf, encodeCheckpoint, maxMetricsBytes } from './codec.js';
export type { Checkpoint } from './codec.js';
export { CheckpointError, StoreError } from './errors.js';
export type { CheckpointFaultReason, StoreFaultReason } from './errors.js';
export { openFileStore } from './file-store.js';
export type { FileCalls } from './file-store.js';
export { checkpointFile, checkpointIn } from './names.js';
export { loadNewest, newestFirst, prune, surplus } from './store.js';
export type { CheckpointEntry, CheckpointKey, CheckpointStore, Keeping } from './store.js';
