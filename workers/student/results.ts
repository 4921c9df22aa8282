/** The files of a job's result: the model, its metrics, and the SHA-256 of each of them. */
import { createHash } from 'node:crypto';

import {
  type Manifest,
  type NamedMetrics,
  resultFileNames,
  type ResultReport,
  resultSumsText,
  type StoppedEarly,
  type TrainingMetrics,
} from '@distillery/protocol';

import type { ExportedModel } from '../models/training.js';

import type { EvaluationRecord } from './progress.js';

export interface ResultStore {
  /**
   * Stores a file whole or not at all.
   * @param fence is awaited before the file becomes visible; what it throws is thrown
   */
  put(name: string, bytes: Uint8Array, fence: () => Promise<void>): Promise<void>;
  /** Removes a file that an earlier attempt stored; one that is not there is fine. */
  remove(name: string, fence: () => Promise<void>): Promise<void>;
}

/** Results outside of the job's object store. */
export interface SweptResults extends ResultStore {
  /** Removes what older attempts left half-written. The caller has fenced them: none of them may still write. */
  sweep(): Promise<void>;
}

export interface StudentResult {
  /** SHA-256 of the weights, hex. */
  readonly digest: string;
  /** null where the data set holds nothing out, or has no classes. */
  readonly accuracy: number | null;
  /** Mean cross-entropy, nats per sample; null as above. */
  readonly loss: number | null;
}

export interface ResultFacts {
  readonly job: Manifest['job'];
  readonly digest: string;
  /** The last one; null = none. */
  readonly evaluation: EvaluationRecord | null;
  /** Trained. */
  readonly steps: number;
  /** Absent when all steps of the job were trained. */
  readonly stoppedEarly?: StoppedEarly;
  readonly parameters: number;
  readonly runtime: string;
  readonly metrics: TrainingMetrics;
  /** Why there is no model.onnx; null when there is one. */
  readonly onnxLeftOut: string | null;
  readonly named: NamedMetrics;
}

type ResultFile = readonly [name: string, bytes: Uint8Array];

export interface ResultFiles {
  /** Name and content, in the order in which to store them: the list of sums is the last. */
  readonly files: readonly ResultFile[];
  /** SHA-256 of the list of sums, hex. */
  readonly filesDigest: string;
}

/** Returns the files of the model itself, in the order in which to store them. */
export function modelFilesOf(model: ExportedModel): readonly ResultFile[] {
  return [
    [resultFileNames.model, new TextEncoder().encode(model.modelJson)],
    [resultFileNames.weights, model.weights],
  ];
}

/**
 * Returns the files that end a result: the report, and the list of all files. The digest among the facts covers the
 * weights alone; the list of sums covers every byte, the topology included.
 */
export function closingFilesOf(stored: readonly ResultFile[], facts: ResultFacts): ResultFiles {
  const { job, digest, evaluation, steps, stoppedEarly, parameters, runtime, metrics, named, onnxLeftOut } = facts;
  const scores = { accuracy: evaluation?.accuracy ?? null, loss: evaluation?.loss ?? null };
  const onnx = onnxLeftOut === null ? {} : { onnxLeftOut };
  const early = stoppedEarly === undefined ? {} : { stoppedEarly };
  const figures = { steps, ...early, parameters, runtime, metrics: named, ...metrics };
  const report: ResultReport = { job, digest, ...scores, ...figures, ...onnx };
  const text = new TextEncoder();
  const written: ResultFile = [resultFileNames.report, text.encode(`${JSON.stringify(report, null, 2)}\n`)];
  const all = new Map([...stored, written].map(([name, bytes]) => [name, sha256(bytes)]));
  const sums = text.encode(resultSumsText(all));
  return { files: [written, [resultFileNames.sums, sums]], filesDigest: sha256(sums) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
