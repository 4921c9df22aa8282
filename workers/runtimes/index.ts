/** The door of this room: the runtimes, and the choice among them. */
export { openRuntime, runtimeTable } from './table.js';
export type { OpenedRuntime } from './table.js';
export { instructionSetIn, nativeMissing, type NativeSettings, noNative } from './native/settings.js';
export { RuntimeError } from './runtime.js';
export type { Runtime, RuntimeEntry } from './runtime.js';
