/** The policies that can be compared, by name. Each run needs a new instance: some keep state. */
import { distilleryPolicy } from './distillery.js';
import { fixedPolicy, usualTeachers } from './fixed.js';
import { hpaPolicy } from './hpa.js';
import { kedaPolicy } from './keda.js';
import type { Policy } from './policy.js';

export { usualDistillery } from './distillery.js';
export { usualTeachers } from './fixed.js';
export { hpaPeriodSeconds } from './hpa-algorithm.js';
export { leastReplicas, usualHpa } from './hpa.js';
export { usualKeda } from './keda.js';

export const policies = {
  fixed: () => fixedPolicy(usualTeachers),
  'fixed-needed': () => fixedPolicy('Needed'),
  'fixed-needed-equal': () => fixedPolicy('Needed', 'Equal'),
  hpa: () => hpaPolicy(),
  keda: () => kedaPolicy(),
  'keda-tuned': () => kedaPolicy(1),
  distillery: () => distilleryPolicy(),
  'distillery-packed': () => distilleryPolicy({ placement: 'Packed', leaving: 'Youngest' }),
} as const satisfies Record<string, () => Policy>;

export type PolicyName = keyof typeof policies;

export function isPolicyName(name: string): name is PolicyName {
  return Object.hasOwn(policies, name);
}
