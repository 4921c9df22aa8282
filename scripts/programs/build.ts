/**
 * Writes the programs as they ship into dist/programs, from what tsc wrote. Does nothing when they are up to date.
 *
 *   node scripts/programs/build.ts
 */
import buildPrograms from './up-to-date.ts';

await buildPrograms();
