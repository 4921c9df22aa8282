/** The door of the rendering room: from jobs and plans to what other systems read. */
export { manifestOf } from './manifest.js';
