/** The door of the process room: the frame in which teacher and student run. */
export { endingOf } from './endings.js';
export { readLabelingEnvironment } from './environment.js';
export { runWorker } from './process.js';
export type { WorkerContext } from './process.js';
export { unlessStopped } from './stopping.js';
