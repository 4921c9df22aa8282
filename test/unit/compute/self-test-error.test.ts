/** What a failure of the first samples means for the next attempt. */
import { sentenceOf } from '@distillery/base';
import { expect, test } from '@jest/globals';

import { asSelfTestError } from '../../../workers/compute/index.js';
import { ComputeError } from '../../../workers/compute/thread.js';
import { ModelError } from '../../../workers/models/inference/index.js';

const failed = new ComputeError('inference', { kind: 'failed', errorName: 'Error' }, 'Error: idx=34 is out of bounds');

test('a library that fails on them fails in every attempt, and the sentence says what to check', () => {
  const error = asSelfTestError(failed, '/models/teacher.onnx');
  expect(error).toBeInstanceOf(ModelError);
  expect(error).toMatchObject({ retry: 'Never' });
  expect(sentenceOf((error as ModelError).fault)).toBe(
    'model /models/teacher.onnx: found an error of its library on the first training samples (inference thread: Error: ' +
      'idx=34 is out of bounds), expected answers. Check teacher.inputs, teacher.tokenizer (uri and maxTokens) and ' +
      'dataset.fields against the model.',
  );
});

test('a thread that died, or an error of another kind, may pass', () => {
  const died = new ComputeError('inference', { kind: 'died', exitCode: 1 }, 'ended with code 1');
  expect(asSelfTestError(died, '/m')).toBe(died);
  const other = new Error('other');
  expect(asSelfTestError(other, '/m')).toBe(other);
});
