/** Makes the job manifest that workers read from a validated job. Pure. */
import { omit } from '@distillery/base';
import { writtenManifestSchema } from '@distillery/protocol';
import type { Manifest } from '@distillery/protocol';

import { type DistillJob, quantityValue, withUris } from '../api/index.js';

import { datasetOf, trainingOf } from './dataset.js';
import { requiredFeatures } from './features.js';
import { namespaceOf } from './metadata.js';
import { storeInPod, uriInPod } from './mounts.js';

/**
 * @param job accepted: a job with fields that this version does not build was refused before (api `unsupported`)
 * @throws ZodError when the job is unsupported
 */
export function manifestOf(job: DistillJob, uid: string): Manifest {
  const { dataset, training, teacher, logits, student } = withUris(job, uriInPod).spec;
  const requires = requiredFeatures(job);
  return writtenManifestSchema.parse({
    version: 1,
    job: { uid, namespace: namespaceOf(job), name: job.metadata.name },
    ...(requires.length === 0 ? {} : { requires }),
    dataset: datasetOf(dataset),
    training: trainingOf(training),
    teacher: {
      model: omit(teacher.model, 'secretRef'),
      ...teachingOf(teacher),
      ...ensembleOf(teacher),
      bufferTargetSeconds: teacher.bufferTargetSeconds,
      tolerance: teacher.tolerance,
      onFailure: teacher.onFailure,
    },
    logits: { encoding: logits.encoding, topK: logits.topK, maxBytes: quantityValue(logits.maxBytes) },
    student: {
      model: omit(student.model, 'secretRef'),
      ...readingOf(student),
      ...(student.runtime === undefined ? {} : { runtime: student.runtime }),
      ...(student.freeze === undefined ? {} : { freeze: student.freeze }),
      loss: student.loss,
      optimizer: student.optimizer,
      checkpoint: { ...omit(student.checkpoint, 'secretRef'), ...storeInPod(student.checkpoint.store) },
      evaluation: student.evaluation,
      output: storeInPod(student.output.store),
    },
  });
}

type Teacher = DistillJob['spec']['teacher'];

/** How one teacher's model reads the samples and what its answers are. */
function teachingOf({ input, output, ...reading }: Pick<Teacher, 'input' | 'inputs' | 'tokenizer' | 'output'>): object {
  return { input, ...readingOf(reading), ...(Object.keys(output).length === 0 ? {} : { output }) };
}

function ensembleOf({ ensemble }: Teacher): object {
  if (ensemble === undefined) return {};
  const members = ensemble.members.map(({ name, weight, model, ...teaching }) => {
    return { name, weight, model, ...teachingOf(teaching) };
  });
  return { ensemble: { weight: ensemble.weight, members } };
}

/** How one side reads the samples, where the job says so. */
function readingOf({ inputs, tokenizer }: Pick<Teacher, 'inputs' | 'tokenizer'>): object {
  return {
    ...(inputs === undefined ? {} : { inputs }),
    ...(tokenizer === undefined ? {} : { tokenizer }),
  };
}
