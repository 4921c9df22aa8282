/** The door of the process room: the frame in which teacher and student run. */
export { endingOf, unlessStopped } from './endings.js';
export { readLabelingEnvironment } from './environment.js';
export { placesOf } from './places.js';
export { runWorker } from './process.js';
export type { WorkerContext } from './process.js';
