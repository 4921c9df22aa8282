/** The door of the compute room: models and trainers on threads of their own. */
export { ComputeError } from './thread.js';
export { exportInThread } from './export-thread.js';
export type { ExportLimits } from './export-thread.js';
export { asSelfTestError, openInferenceThread, pathsOf } from './inference-thread.js';
export type { InferenceThread, InferenceThreadSource } from './inference-thread.js';
export { openTrainerThread } from './trainer-thread.js';
export type { TrainerThread, TrainerThreadSource } from './trainer-thread.js';
export { instructionSetIn, nativeMissing, type NativeSettings, noNative } from '../runtimes/index.js';
