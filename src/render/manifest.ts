/** The job manifest that workers read, from a validated job. Pure. */
import { writtenManifestSchema } from '@distillery/protocol';
import type { Manifest } from '@distillery/protocol';

import { type DistillJob, quantityValue } from '../api/index.js';

import { namespaceOf } from './metadata.js';
import { storeInPod, uriInPod } from './mounts.js';

/**
 * @param job accepted: everything this version does not build was refused before (api `unsupported`)
 * @throws ZodError when an unsupported job got here all the same
 */
export function manifestOf(job: DistillJob, uid: string): Manifest {
  const { dataset, training, teacher, logits, student } = job.spec;
  return writtenManifestSchema.parse({
    version: 1,
    job: { uid, namespace: namespaceOf(job), name: job.metadata.name },
    dataset: { ...dataset, uri: uriInPod(dataset.uri) },
    training,
    teacher: {
      model: { ...teacher.model, uri: uriInPod(teacher.model.uri) },
      input: teacher.input,
      bufferTargetSeconds: teacher.bufferTargetSeconds,
      tolerance: teacher.tolerance,
      onFailure: teacher.onFailure,
    },
    logits: { encoding: logits.encoding, topK: logits.topK, maxBytes: quantityValue(logits.maxBytes) },
    student: {
      model: { ...student.model, uri: uriInPod(student.model.uri) },
      loss: student.loss,
      optimizer: student.optimizer,
      checkpoint: { ...student.checkpoint, ...storeInPod(student.checkpoint.store) },
      evaluation: student.evaluation,
      output: { ...student.output, ...storeInPod(student.output.store) },
    },
  });
}
