/**
 * The teacher's side of a model: samples in, logits out. Formats are opened through `openInference` in open.ts.
 *
 * Invariants: the same batch gives the same bits on the same machine; what `infer` returns is finite, row-major and
 * the caller's own; the caller's samples are left as they were.
 */
import type { Manifest } from '@distillery/protocol';

import type { Samples } from '../../samples/index.js';
import type { SeenText } from './texts.js';
import type { AxisSize, Feed, ModelInput } from '../../inputs/index.js';

export type ModelFormat = Manifest['teacher']['model']['format'];
/** What a job says about the model's answers. */
export type OutputSettings = NonNullable<Manifest['teacher']['output']>;

/** A model that answers, alone or as a member of an ensemble. */
export interface Inference {
  /** Width of the logits. */
  readonly columns: number;
  /** First 8 bytes of the SHA-256 over the model's files and its settings: what a frame's header carries. */
  readonly digest: Uint8Array;
  readonly digestHex: string;
  /** For people: format, what computes it, shapes. */
  readonly description: string;
  /** What was recognized, and likely mistakes, in sentences. */
  readonly notes: readonly string[];
  /** What its numbers were, as the job says or as was recognized. */
  readonly kind: NonNullable<OutputSettings['kind']>;
  /** The models whose answers these average; empty for one model alone. */
  readonly members: readonly EnsembleMember[];
  /**
   * @returns [rows, columns], one row for each prediction position of the samples
   * @throws LogitsError when the model answers NaN or infinity; InputError for values that an input cannot hold
   */
  infer(samples: Samples): Promise<Float32Array>;
  /** @returns what its tokens say of each sample; null where the samples have no texts, or the model takes none */
  textsOf(samples: Samples): readonly SeenText[] | null;
  close(): Promise<void>;
}

/** One model of an ensemble; the first one is `teacher.model`. */
export interface EnsembleMember extends Pick<Inference, 'columns' | 'infer' | 'textsOf'> {
  readonly name: string;
}

/** A teacher's model file that has been read, before a library opens it. */
export interface ModelFile {
  readonly format: ModelFormat;
  /** Of the ONNX file, model.json or saved_model.pb. Files with its weights lie beside it. */
  readonly path: string;
  /** The file, whole. */
  readonly bytes: Uint8Array;
  /** Of a SavedModel: the signature that is meant; absent = serving_default, or the only one. */
  readonly signature?: string;
  /** CPU threads for one batch, where the library has threads. */
  readonly threads: number;
  /** Whether other models of the same process compute before and after it; absent = it is alone. */
  readonly isMember?: boolean;
  /** Takes the bytes of every file with weights, in the order in which the model names them. */
  readonly note: (bytes: Uint8Array) => void;
}

/** One output of a model, as its file says; what it really answers is known after a first batch. */
export interface ModelOutput {
  readonly name: string;
  /** For people, as the library names it. */
  readonly type: string;
  /** Whether its numbers can be logits. */
  readonly isFloat: boolean;
  readonly shape: readonly AxisSize[];
  /** The operator that computes it, where the file says so: "Softmax". */
  readonly operator: string | null;
}

/** A model loaded by one library, before anything is known of the data set. */
export interface ModelSession {
  readonly description: string;
  readonly inputs: readonly ModelInput[];
  readonly outputs: readonly ModelOutput[];
  /** About how many numbers of its inputs it computes fastest at once; absent = the more the better, as on a device. */
  readonly numbersAtOnce?: number;
  /**
   * @param feeds one for each input, in order
   * @param output name of the one that is wanted
   */
  run(feeds: readonly Feed[], output: string): Promise<SessionOutput>;
  close(): Promise<void>;
}

export interface SessionOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
