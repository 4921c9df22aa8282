/**
 * Features that the workers of a job must have (docs/protocol.md "Growth"): a worker that would ignore a field which decides
 * what is trained refuses the job by the feature's name. Pure.
 */
import { type Feature, features } from '@distillery/protocol';

import type { DistillJob } from '../api/index.js';

type Spec = DistillJob['spec'];

/** For each feature, whether a job uses it. */
const uses: Readonly<Record<Feature, (spec: Spec) => boolean>> = {
  'augment-flip': ({ training }) => training.augment.flip,
  'clip-norm': ({ student }) => student.optimizer.clipNorm !== undefined,
  'dataset-fields': ({ dataset }) =>
    dataset.format !== 'idx' ||
    dataset.fields !== undefined ||
    dataset.split !== undefined ||
    dataset.onBadSample !== 'Fail',
  'early-stop': ({ training }) => training.earlyStop !== undefined,
  'freeze-layers': ({ student }) => student.freeze !== undefined,
  'label-smoothing': ({ student }) => student.loss.labelSmoothing !== undefined,
  'loss-kind': ({ student }) => student.loss.kind !== undefined,
  'model-inputs': ({ teacher, student }) => teacher.inputs !== undefined || student.inputs !== undefined,
  'rate-decay': ({ student }) => !['Constant', 'Cosine'].includes(student.optimizer.schedule.name),
  'shuffle-blocks': ({ training }) => training.shuffle === 'Blocks',
  'start-weights': ({ student }) => student.model.weights !== undefined,
  'teacher-output': ({ teacher }) => Object.keys(teacher.output).length > 0,
  tokenizer: ({ teacher, student }) => teacher.tokenizer !== undefined || student.tokenizer !== undefined,
  'weight-averages': ({ student }) => student.optimizer.ema !== undefined,
};

/** In the order of their names; none for a job that every release of protocol v1 runs. */
export function requiredFeatures({ spec }: DistillJob): readonly Feature[] {
  return features.filter((feature) => uses[feature](spec));
}
