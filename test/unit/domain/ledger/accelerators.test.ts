/** Which resources are accelerators, by patterns of their names. */
import { describe, expect, test } from '@jest/globals';

import { isAccelerator } from '../../../../src/domain/ledger/index.js';

describe('of the default names', () => {
  test.each([
    'nvidia.com/gpu',
    'nvidia.com/gpu.shared',
    'nvidia.com/mig-1g.10gb',
    'amd.com/gpu',
    'amd.com/cpx_nps4',
    'gpu.intel.com/i915',
    'gpu.intel.com/xe',
    'habana.ai/gaudi',
    'aws.amazon.com/neuroncore',
    'google.com/tpu',
  ])('%s is one', (name) => {
    expect(isAccelerator(name)).toBe(true);
  });

  test.each([
    'cpu',
    'memory',
    'pods',
    'ephemeral-storage',
    'hugepages-2Mi',
    'rdma/hca',
    'gpu',
    'intel.com/qat',
    'gpu.intel.com/monitoring',
  ])('%s is none', (name) => {
    expect(isAccelerator(name)).toBe(false);
  });
});

describe('a pattern', () => {
  test.each<[string, string, boolean]>([
    ['example.com/npu', 'example.com/npu', true],
    ['example.com/npu', 'example.com/npu2', false],
    ['example.com/npu', 'my.example.com/npu', false],
    ['example.com/*', 'example.com/', true],
    ['example.com/*', 'example.org/npu', false],
    ['*/npu', 'example.com/npu', true],
    ['*/npu', 'example.com/npus', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['ab*ba', 'abba', true],
    ['*', 'anything', true],
    // A dot is a dot.
    ['nvidia.com/gpu', 'nvidia-com/gpu', false],
  ])('%s and %s', (pattern, name, want) => {
    expect(isAccelerator(name, ['other.com/x', pattern])).toBe(want);
  });

  test('is required: without patterns nothing is an accelerator', () => {
    expect(isAccelerator('nvidia.com/gpu', [])).toBe(false);
  });
});
