/** How the samples of the data set become what the student's model takes: the same plans as a teacher's (design §8). */
import type { Manifest } from '@distillery/protocol';

import type { NumericSpecs, NumericTensor, Samples, SampleSpec } from '../samples/index.js';
import { type Feed, type ModelInputs, openInputs } from '../inputs/index.js';
import type { Places } from '../places/index.js';
import type { ModelView } from './batches.js';

export interface StudentView {
  readonly view: ModelView;
  /** Likely mistakes, in sentences. */
  readonly notes: readonly string[];
}

/**
 * @param model inputs of the student's model
 * @throws InputError when the samples do not fit the model; PlaceError for a tokenizer's uri that names nothing here; RemoteError
 */
export async function studentView(
  { student }: Manifest,
  model: NumericSpecs,
  fields: SampleSpec['inputs'],
  places: Pick<Places, 'resolve'>,
): Promise<StudentView> {
  const { inputs: named = [], tokenizer } = student;
  const plans = await openInputs({
    about: `student model ${student.model.uri}`,
    inputs: Object.entries(model).map(([name, { dtype, shape }]) => ({ name, dtype, shape: [null, ...shape] })),
    fields,
    settings: { side: 'student', named, only: null },
    tokenizer:
      tokenizer === undefined
        ? null
        : { path: (await places.resolve(tokenizer.uri, 'model')).path, maxTokens: tokenizer.maxTokens },
  });
  return { view: viewOf(Object.keys(model), plans), notes: plans.notes };
}

function viewOf(names: readonly string[], plans: ModelInputs): ModelView {
  return (samples): Samples => {
    const feeds = plans.feeds(samples);
    return {
      count: samples.count,
      inputs: Object.fromEntries(
        names.flatMap((name, at) => (feeds[at] === undefined ? [] : [[name, tensorOf(feeds[at])]])),
      ),
    };
  };
}

/** A trainer's inputs are float32 or int32, so its feeds are. */
function tensorOf({ dtype, shape, data }: Feed): NumericTensor {
  if (dtype === 'float32' && data instanceof Float32Array) return { dtype, shape, data };
  if (dtype === 'int32' && data instanceof Int32Array) return { dtype, shape, data };
  throw new RangeError(`a student's input of ${dtype}`);
}
