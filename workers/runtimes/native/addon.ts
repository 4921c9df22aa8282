/** The binding to TensorFlow (binding.cc), as its JavaScript side sees it. */
import { constants } from 'node:os';
import { join } from 'node:path';
import { nativeBuildFile } from '@distillery/protocol';

/** Values of TF_DataType. */
export const types = { float32: 1, int32: 3, string: 7, complex64: 8, int64: 9, bool: 10, resource: 20 } as const;

/** Values of TF_AttrType. */
export const kinds = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

export interface OpAttribute {
  readonly name: string;
  /** One of `kinds`. */
  readonly type: number;
  readonly value: string | number | boolean | readonly number[] | readonly boolean[];
}

/** A tensor by its id. It lives until `deleteTensor`. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: readonly number[];
  /** One of `types`. */
  readonly dtype: number;
}

/** Every method throws an Error with TensorFlow's own message. */
export interface Addon {
  /** Once a thread, before tensors. @param config a serialized ConfigProto */
  open(config: Uint8Array): void;
  /** The type of each device that may compute: "CPU", "GPU". */
  devices(): readonly string[];
  /** From now on the library writes warnings to standard error, not only errors. */
  showWarnings(): void;
  /** Sets a variable of the process, which a thread's own `process.env` does not. */
  setVariable(name: string, value: string): void;
  createTensor(type: number, shape: readonly number[], bytes: Uint8Array): number;
  readTensor(id: number): ArrayBuffer;
  deleteTensor(id: number): void;
  tensorCount(): number;
  /** Runs an op or a function that was added. */
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[];
  /** @param definition a serialized FunctionDef; from then on an op of its name */
  addFunction(definition: Uint8Array): void;
  removeFunction(name: string): void;
  /** @returns a serialized OpList of all ops */
  opList(): ArrayBuffer;
  /** Of the library. */
  version(): string;
}

/** The files of a build (scripts/native). */
export const nativeFiles = { binding: 'tensorflow.node', kernels: 'kernels.cjs', build: nativeBuildFile } as const;

/** Of glibc and musl; Node names only the other flags. */
const keepLoaded = 0x1000;

/**
 * Node unloads an addon when the last thread that loaded it ends. TensorFlow's own threads would then run code that is
 * gone, and every exit of the process would be a SIGSEGV in place of its code: the library stays until the process ends.
 * @throws Error when the library or the binding does not load
 */
export function loadAddon(folder: string): Addon {
  const loaded: { exports: unknown } = { exports: {} };
  process.dlopen(loaded, join(folder, nativeFiles.binding), constants.dlopen.RTLD_LAZY | keepLoaded);
  return loaded.exports as Addon;
}
