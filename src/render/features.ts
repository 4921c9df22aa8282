/**
 * Features that the workers of a job must have (docs/protocol.md "Growth"): a worker that would ignore a field which decides
 * what is trained refuses the job by the feature's name. Pure.
 */
import { type Feature, features } from '@distillery/protocol';

import type { DistillJob } from '../api/index.js';

type Spec = DistillJob['spec'];
type Member = NonNullable<Spec['teacher']['ensemble']>['members'][number];

/** The teacher's model and those that are averaged with it. */
function teachers({ teacher }: Spec): readonly (Spec['teacher'] | Member)[] {
  return [teacher, ...(teacher.ensemble?.members ?? [])];
}

/**
 * For each feature, whether a job uses it. The store `s3` needs none: its kind is a new value of a known field, and the schema of
 * every older worker refuses it by that field's name.
 */
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
  // Work items require it, so that jobs which measure nothing run on every worker.
  'held-out': () => false,
  'label-smoothing': ({ student }) => student.loss.labelSmoothing !== undefined,
  'loss-kind': ({ student }) => student.loss.kind !== undefined,
  'model-inputs': (spec) => [...teachers(spec), spec.student].some(({ inputs }) => inputs !== undefined),
  'rate-decay': ({ student }) => !['Constant', 'Cosine'].includes(student.optimizer.schedule.name),
  'saved-model': (spec) => teachers(spec).some(({ model }) => model.format === 'saved-model'),
  'shuffle-blocks': ({ training }) => training.shuffle === 'Blocks',
  'start-weights': ({ student }) => student.model.weights !== undefined,
  'student-runtime': ({ student }) => student.runtime !== undefined,
  'teacher-ensemble': ({ teacher }) => teacher.ensemble !== undefined,
  'teacher-output': (spec) => teachers(spec).some(({ output }) => Object.keys(output).length > 0),
  'tfjs-graph': (spec) => teachers(spec).some(({ model }) => model.format === 'tfjs-graph'),
  tokenizer: (spec) => [...teachers(spec), spec.student].some(({ tokenizer }) => tokenizer !== undefined),
  'weight-averages': ({ student }) => student.optimizer.ema !== undefined,
};

/** In the order of their names; none for a job that every release of protocol v1 runs. */
export function requiredFeatures({ spec }: DistillJob): readonly Feature[] {
  return features.filter((feature) => uses[feature](spec));
}
