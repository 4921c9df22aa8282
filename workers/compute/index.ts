/** The door of the compute room: models and trainers on threads of their own. */
export { ComputeError } from './thread.js';
export { openInferenceThread } from './inference-thread.js';
export type { InferenceThread } from './inference-thread.js';
export { openTrainerThread } from './trainer-thread.js';
export type { TrainerThread } from './trainer-thread.js';
export type { TrainerSource } from './trainer-worker.js';
