/** The door of this room: where tensors are computed. */
export { openRuntime, RuntimeError } from './open.js';
export { runtimeNames } from './runtime.js';
export type { Runtime, RuntimeName } from './runtime.js';
