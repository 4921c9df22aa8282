/** The door of the compute room: models and trainers on threads of their own. */
export { ComputeError } from './thread.js';
export type { Computed, ComputeFault } from './thread.js';
export { openInferenceThread } from './inference-thread.js';
export type { Inferred, InferenceThread } from './inference-thread.js';
export { openTrainerThread } from './trainer-thread.js';
export type { Trained, TrainerThread } from './trainer-thread.js';
export type { TrainerSource } from './trainer-worker.js';
