/** The door of the room of places: from the uris of a job to files on this machine. */
export { PlaceError } from './errors.js';
export { resolve } from './resolve.js';
export type { LocalPlace } from './resolve.js';
