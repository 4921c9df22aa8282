/** The door of the platform room: what Node gives to operator, command and workers alike. Imports `src/lib` only. */
export {
  type Claim,
  claimFolderSync,
  lookAtFolderSync,
  makeNewFolderSync,
  type Mark,
  markFolderSync,
  markName,
  markOfSync,
  removeOwnFolderSync,
} from './owned-folder.js';
export { readText, readTextSync } from './read-text.js';
export { syncFolder, syncFolderSync, writeWhole, writeWholeSync } from './write-whole.js';
