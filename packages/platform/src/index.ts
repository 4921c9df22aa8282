/** The door of platform: what Node gives to operator, command and workers alike. Imports `@distillery/base` only. */
export { certificateFaultOf, identityCheckOf } from './certificate.js';
export { type SweepOptions, sweepHalfWrittenSync, targetOfPartial } from './half-written.js';
export { isAlive } from './is-alive.js';
export { makeFolderSync, makeNewFolderSync } from './make-folder.js';
export {
  type Claim,
  claimFolderSync,
  lookAtFolderSync,
  type Mark,
  markFolderSync,
  markName,
  markOfSync,
  removeOwnFolderSync,
  removeTemporarySync,
} from './owned-folder.js';
export { packageFolderSync } from './package-folder.js';
export { readTextSync } from './read-text.js';
export { spawnFolder } from './spawn-folder.js';
export { openRegular, openRegularDescriptor, openRegularSync, readFaultOf, readRegularSync } from './regular-file.js';
export type { ReadFault } from './regular-file.js';
export { systemClock } from './system-clock.js';
export { syncFolder, writeNewSync, writeWhole, writeWholeSync } from './write-whole.js';
