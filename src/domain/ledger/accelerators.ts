/** Which resources are accelerators: configuration, as every vendor's device plugin names its own. Pure. */
import { matchesPattern } from '@distillery/base';

/**
 * Names of extended resources; `*` stands for any characters, none included. Whole devices, MIG slices (nvidia.com/mig-1g.10gb),
 * shares in time (nvidia.com/gpu.shared), AMD's partitions (amd.com/cpx_nps4).
 */
export const defaultAccelerators: readonly string[] = [
  'nvidia.com/gpu*',
  'nvidia.com/mig-*',
  'amd.com/*',
  'gpu.intel.com/i915',
  'gpu.intel.com/xe',
  'habana.ai/gaudi',
  'aws.amazon.com/neuron*',
  'google.com/tpu',
];

export function isAccelerator(resource: string, configured: readonly string[] = defaultAccelerators): boolean {
  return configured.some((pattern) => matchesPattern(resource, pattern));
}
