/** Which resources are accelerators: configuration, as every vendor's device plugin names its own. Pure. */

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
  return configured.some((pattern) => matches(resource, pattern.split('*')));
}

/** Whether these pieces come in this order, the first at the start and the last at the end, without overlap. */
function matches(text: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
