/** The door of the workers' stream room: NATS as teacher and student see it (design §4). */
export { connectWorker, StreamLink } from './connect.js';
export { Fenced, FrameConflict, LoginRefused, StreamRefused, StreamUnreachable } from './errors.js';
export { feed, probe } from './feed-and-probe.js';
export type { Probe, StoredFrame } from './feed-and-probe.js';
export { logitsReader } from './logits-reader.js';
export { publishDeadLetter, publishFrame } from './logits-writer.js';
export { ObjectDamaged, ObjectStoreFull } from './errors.js';
export { objectPort } from './object-port.js';
export type { ObjectPort, Written } from './object-port.js';
export { ObjectStore } from './object-store.js';
export { ObjectWriter } from './object-writer.js';
export { attemptsBefore, claimAttempt, createReference, publishTeacherState, readReference } from './state.js';
export type { StudentClaim } from './state.js';
export { workQueue } from './work-queue.js';
export type { WorkDelivery } from './work-queue.js';
