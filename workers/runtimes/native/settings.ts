/** What a process knows of the native runtime before it loads anything of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageNativeFolder, type InstructionSet, instructionSets, nativeCudaFolder } from '@distillery/protocol';
import type { Reason, Work } from '../runtime.js';
import { nativeFiles } from './addon.js';

export interface NativeSettings {
  /** What `npm run native` built; null where there is none. */
  readonly folder: string | null;
  /** Threads of one operation: the order of additions depends on it. */
  readonly threads: number;
  /** The newest instructions that oneDNN may use: kernels for others round differently. Null = see instructionSetOf. */
  readonly instructionSet: InstructionSet | null;
  /** The set that a student was trained with so far. */
  readonly trainedWith?: InstructionSet | null;
}

/** Of a process that has none. */
export const noNative: NativeSettings = { folder: null, threads: 1, instructionSet: null };

/** Of a processor whose flags are not known. */
const usual: InstructionSet = 'AVX2';
/** Those that are chosen for a job that names none: TensorFlow's own code needs AVX. */
const chosen = ['AVX', 'AVX2', 'AVX512_CORE'] as const satisfies readonly InstructionSet[];

/** Flags of /proc/cpuinfo. */
const neededFlags: Readonly<Record<InstructionSet, readonly string[]>> = {
  SSE41: ['sse4_1'],
  AVX: ['avx'],
  AVX2: ['avx2', 'fma'],
  AVX512_CORE: ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl'],
};

type CpuFlags = () => ReadonlySet<string> | null;

/**
 * The set that is named, else the one that trained the student so far where the processor has it, else the newest that it
 * has (ADR 70).
 * @param cpuFlags of this machine's processor; null = not known
 */
export function instructionSetOf(
  { instructionSet, trainedWith = null }: Pick<NativeSettings, 'instructionSet' | 'trainedWith'>,
  cpuFlags: CpuFlags = readCpuFlags,
): InstructionSet {
  if (instructionSet !== null) return instructionSet;
  const flags = cpuFlags();
  if (flags === null) return trainedWith ?? usual;
  if (trainedWith !== null && hasInstructions(flags, trainedWith)) return trainedWith;
  return chosen.findLast((each) => hasInstructions(flags, each)) ?? chosen[0];
}

/** The set that the description of a runtime (start.ts) names; null where it names none. */
export function instructionSetIn(description: string): InstructionSet | null {
  const [, named] = /^native \(TensorFlow [^,]+, (\w+), \d+ threads?\)$/.exec(description) ?? [];
  return instructionSets.find((each) => each === named) ?? null;
}

function hasInstructions(flags: ReadonlySet<string>, set: InstructionSet): boolean {
  return neededFlags[set].every((flag) => flags.has(flag));
}

/**
 * Why there is no native runtime of these settings; null where there is one. Loads nothing.
 * @param cpuFlags of this machine's processor; null = not known, and nothing is refused for them
 */
export function nativeMissing(
  { folder, ...settings }: NativeSettings,
  work: Work = 'training',
  cpuFlags: CpuFlags = readCpuFlags,
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
  const instructionSet = instructionSetOf(settings, () => flags);
  if (flags === null || hasInstructions(flags, instructionSet)) return null;
  const smaller = settings.instructionSet === null ? '' : 'leave student.runtime.instructionSet out, or ';
  return { problem: `the processor lacks ${instructionSet}`, remedy: `${smaller}use runtime wasm` };
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
