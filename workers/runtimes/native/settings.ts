/** What a process knows of the native runtime before it loads anything of it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { InstructionSet } from '@distillery/protocol';
import type { Reason } from '../runtime.js';
import { nativeFiles } from './addon.js';

export interface NativeSettings {
  /** What `npm run native` built; null where there is none. */
  readonly folder: string | null;
  /** Threads of one operation: the order of additions depends on it. */
  readonly threads: number;
  /** The newest instructions that oneDNN may use: kernels for others round differently. */
  readonly instructionSet: InstructionSet;
}

/** Of a process that has none. */
export const noNative: NativeSettings = { folder: null, threads: 1, instructionSet: 'AVX2' };

/** Why there is no native runtime; null where there is one. Loads nothing. */
export function nativeMissing({ folder }: NativeSettings): Reason | null {
  const remedy = 'build it with `npm run native` and set DISTILL_NATIVE_FOLDER to the folder that it prints';
  if (folder === null) return { problem: 'TensorFlow is not built here', remedy };
  // Written last: a folder without it is not whole.
  if (existsSync(join(folder, nativeFiles.build))) return null;
  return { found: `no ${nativeFiles.build} in ${folder}`, expected: 'a build of TensorFlow', remedy };
}
