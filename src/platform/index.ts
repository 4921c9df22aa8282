/** The door of the platform room: what Node gives to operator, command and workers alike. Imports `src/lib` only. */
export { readText, readTextSync } from './read-text.js';
export { openRegularSync, readFaultOf, readRegularSync } from './regular-file.js';
export type { ReadFault } from './regular-file.js';
export { syncFolder, syncFolderSync, writeWhole, writeWholeSync } from './write-whole.js';
