/** The door of this room: the runtimes, and the choice among them. */
export { openRuntime } from './table.js';
export type { OpenedRuntime } from './table.js';
export { RuntimeError } from './runtime.js';
export type { Runtime, RuntimeEntry } from './runtime.js';
