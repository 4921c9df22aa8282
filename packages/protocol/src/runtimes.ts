/** The names of the runtimes that compute models: settings, help and documentation all take them from here. */

/** In order of preference: `auto` takes the first that works on the machine. */
export const runtimeNames = ['cuda', 'native', 'wasm', 'cpu'] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/** Values of `DISTILL_RUNTIME`. */
export const runtimeChoices = ['auto', ...runtimeNames] as const;
export type RuntimeChoice = (typeof runtimeChoices)[number];

/**
 * Instruction sets that the kernels of oneDNN in the runtime `native` may be held to, the oldest first, in the words of
 * ONEDNN_MAX_CPU_ISA. Each rounds differently.
 */
export const instructionSets = ['SSE41', 'AVX', 'AVX2', 'AVX512_CORE'] as const;
export type InstructionSet = (typeof instructionSets)[number];

/**
 * Name of the folder that `npm run native` builds in the user's cache folder. Raise the number after the version with
 * every change of what is built (scripts/native), so that no process loads a build of another release.
 */
export const nativeFolderName = 'tensorflow-2.21.0-2';

/** Where the images `worker-native` and `student-gpu` have their build (Dockerfile), and where a worker looks by default. */
export const imageNativeFolder = '/usr/local/lib/tensorflow';

/** The file that a build writes last: a folder without it is not whole. */
export const nativeBuildFile = 'build.json';

/** The folder of a build with the libraries of NVIDIA: only a build for CUDA has it, and the runtime `cuda` trains only there. */
export const nativeCudaFolder = 'nvidia';
