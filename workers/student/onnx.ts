/** The student as ONNX, beside the files of tfjs: an addition, whose failure leaves the job as it is. */
import { DistilleryError, printable, statementOf } from '@distillery/base';
import type { Manifest } from '@distillery/protocol';

import type { Samples, Split } from '../samples/index.js';
import type { OnnxOrder } from '../models/export.js';
import type { ExportedModel } from '../models/training.js';

import type { ModelView } from './batches.js';

/** Makes the file and compares its answers with the trainer's. The arrays are given up by the caller. */
export type WriteOnnx = (order: OnnxOrder) => Promise<Uint8Array>;

/** What the export needs of the trainer. */
interface ExportingTrainer {
  logits(samples: Samples): Promise<Float32Array>;
  export(): Promise<ExportedModel>;
}

export type OnnxFile =
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  /** @param reason one sentence, which names the layer if one is the reason */
  | { readonly kind: 'leftOut'; readonly reason: string };

/** Samples that both sides answer. */
const comparedSamples = 8;

/**
 * @param view makes what the model takes out of the samples
 * @returns the file, or why there is none
 */
export async function onnxOf(
  trainer: ExportingTrainer,
  split: Split,
  view: ModelView,
  write: WriteOnnx,
  { job, digest }: { readonly job: Manifest['job']; readonly digest: string },
): Promise<OnnxFile> {
  const indices = Array.from({ length: Math.min(comparedSamples, split.length) }, (_, at) => at);
  try {
    const logits = await trainer.logits(view(await split.read(indices)));
    const samples = view(await split.read(indices));
    const { namespace, name } = job;
    const model = await trainer.export();
    return { kind: 'made', bytes: await write({ model, facts: { namespace, name, digest }, samples, logits }) };
  } catch (error) {
    return { kind: 'leftOut', reason: reasonOf(error) };
  }
}

/** The longest reason in a report. */
const maxReasonLength = 500;

export function reasonOf(error: unknown): string {
  const text = error instanceof DistilleryError ? statementOf(error.fault) : String(error);
  return printable(text).slice(0, maxReasonLength);
}
