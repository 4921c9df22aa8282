/**
 * The teacher's side of a model: samples in, logits out. Formats are opened through `openInference` in open.ts.
 *
 * Invariants: the same batch gives the same bits on the same machine; what `infer` returns is finite, row-major and
 * the caller's own; the caller's samples are left as they were.
 */
import type { Manifest } from '@distillery/protocol';

import type { Samples } from '../../data/index.js';

/** How samples are brought into the model's input. */
export type InputSettings = Manifest['teacher']['input'];
export type ModelFormat = Manifest['teacher']['model']['format'];

export interface Inference {
  /** Width of the logits. */
  readonly columns: number;
  /** First 8 bytes of the SHA-256 over the model's files and the input settings: what a frame's header carries. */
  readonly digest: Uint8Array;
  readonly digestHex: string;
  /** For people: format, engine, shapes. */
  readonly description: string;
  /**
   * @returns [rows, columns], one row for each prediction position of the samples
   * @throws LogitsError when the model answers NaN or infinity
   */
  infer(samples: Samples): Promise<Float32Array>;
  close(): Promise<void>;
}

/** A teacher's model file that has been read, before a library opens it. */
export interface ModelFile {
  readonly format: ModelFormat;
  /** Of the ONNX file or model.json. Files with its weights lie beside it. */
  readonly path: string;
  /** The file, whole. */
  readonly bytes: Uint8Array;
  /** CPU threads for one batch, where the library has threads. */
  readonly threads: number;
  /** Takes the bytes of every file with weights, in the order in which the model names them. */
  readonly note: (bytes: Uint8Array) => void;
}

/** One axis of a model's input; null = any size. */
export type AxisSize = number | null;

/** A model loaded by one library, before anything is known of the data set. */
export interface Engine {
  readonly description: string;
  /** With the batch axis first. */
  readonly inputShape: readonly AxisSize[];
  run(data: Float32Array, shape: readonly number[]): Promise<EngineOutput>;
  close(): Promise<void>;
}

export interface EngineOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
