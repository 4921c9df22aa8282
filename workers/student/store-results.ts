/** Stores what a finished student leaves: the model, its ONNX form, metrics and checksums, in this order. */
import { type Manifest, resultFileNames } from '@distillery/protocol';

import type { Log } from '../base/index.js';
import type { Dataset } from '../data/index.js';

import type { ModelView } from './batches.js';
import { isFull } from './checkpointer.js';
import { type OnnxFile, onnxOf, reasonOf, type WriteOnnx } from './onnx.js';
import { closingFilesOf, modelFilesOf, type ResultFacts, type ResultStore } from './results.js';
import type { TrainerClient } from './trainer-client.js';

export interface ResultParts {
  readonly trainer: TrainerClient;
  readonly dataset: Dataset;
  readonly view: ModelView;
  readonly manifest: Pick<Manifest, 'job'>;
  readonly results: ResultStore;
  readonly writeOnnx: WriteOnnx;
  readonly log: Log;
  /** Tells a person, in the log and in the telemetry. */
  readonly note: (message: string) => void;
}

export interface Storing {
  readonly facts: Omit<ResultFacts, 'onnxLeftOut'>;
  /** Resolves while this is the newest attempt (student/S4). @throws WorkerError when it is not */
  readonly fence: () => Promise<void>;
  /** Writes, and makes room and tries again where the store is full. */
  readonly withRoom: (write: () => Promise<void>) => Promise<void>;
}

/** @returns the digest of the list of files @throws WorkerError, StoreError */
export async function storeResults(
  parts: ResultParts,
  { facts, fence, withRoom }: Storing,
): Promise<{ readonly filesDigest: string }> {
  const { trainer, results } = parts;
  const put = ([name, bytes]: readonly [string, Uint8Array]): Promise<void> =>
    withRoom(() => results.put(name, bytes, fence));
  await fence();
  const model = modelFilesOf(await trainer.export());
  for (const file of model) await put(file);
  const onnx = await storeOnnx(parts, facts.digest, fence);
  const made = onnx.kind === 'made' ? ([[resultFileNames.onnx, onnx.bytes]] as const) : [];
  const onnxLeftOut = onnx.kind === 'made' ? null : onnx.reason;
  const { files, filesDigest } = closingFilesOf([...model, ...made], { ...facts, onnxLeftOut });
  for (const file of files) await put(file);
  return { filesDigest };
}

/** Stores the model as ONNX, after the files that a result must have. Without it the result is whole, too. */
async function storeOnnx(
  { trainer, dataset, view, manifest, results, writeOnnx, log, note }: ResultParts,
  digest: string,
  fence: () => Promise<void>,
): Promise<OnnxFile> {
  let onnx = await onnxOf(trainer, dataset.test ?? dataset.train, view, writeOnnx, { job: manifest.job, digest });
  if (onnx.kind === 'made') {
    try {
      await results.put(resultFileNames.onnx, onnx.bytes, fence);
      log.info({ bytes: onnx.bytes.length }, `${resultFileNames.onnx} is written and answers as the trainer`);
      return onnx;
    } catch (error) {
      if (!isFull(error)) throw error;
      onnx = { kind: 'leftOut', reason: reasonOf(error) };
    }
  }
  note(`${resultFileNames.onnx} is left out: ${onnx.reason}`);
  // An earlier attempt may have stored one, which the list of files would not name.
  await results.remove(resultFileNames.onnx, fence);
  return onnx;
}
