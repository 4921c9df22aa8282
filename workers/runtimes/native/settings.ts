/** What a process knows of the native runtime before it loads anything of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageNativeFolder, type InstructionSet, nativeCudaFolder } from '@distillery/protocol';
import type { Reason, Work } from '../runtime.js';
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

/** Flags of /proc/cpuinfo. */
const neededFlags: Readonly<Record<InstructionSet, readonly string[]>> = {
  SSE41: ['sse4_1'],
  AVX: ['avx'],
  AVX2: ['avx2', 'fma'],
  AVX512_CORE: ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl'],
};

/**
 * Why there is no native runtime of these settings; null where there is one. Loads nothing.
 * @param cpuFlags of this machine's processor; null = not known, and nothing is refused for them
 */
export function nativeMissing(
  { folder, instructionSet }: NativeSettings,
  work: Work = 'training',
  cpuFlags: () => ReadonlySet<string> | null = readCpuFlags,
): Reason | null {
  const remedy =
    work === 'saved-model'
      ? 'build it with `npm run native`, in a cluster use the image worker-native, or convert the model to ONNX with tf2onnx'
      : 'build it with `npm run native`, or use runtime wasm';
  // Written last: a folder without it is not whole.
  if (folder === null || !existsSync(join(folder, nativeFiles.build))) {
    // The default folder is no news to a person who named none.
    if (folder === null || folder === imageNativeFolder) return { problem: 'TensorFlow is not built here', remedy };
    return { found: `no ${nativeFiles.build} in ${folder}`, expected: 'a build of TensorFlow', remedy };
  }
  const flags = cpuFlags();
  if (flags === null || neededFlags[instructionSet].every((flag) => flags.has(flag))) return null;
  const smaller = 'set student.runtime.instructionSet to one that it has, or use runtime wasm';
  return { problem: `the processor lacks ${instructionSet}`, remedy: smaller };
}

/** Whether a folder holds a build that can use NVIDIA devices. */
export function isForCuda(folder: string): boolean {
  return existsSync(join(folder, nativeFiles.build)) && existsSync(join(folder, nativeCudaFolder));
}

function readCpuFlags(): ReadonlySet<string> | null {
  try {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return line === null ? null : new Set((line[1] ?? '').trim().split(' '));
  } catch {
    return null;
  }
}
