/** The ways to scale that run on a real control plane, by their names in the simulator. */
import { distilleryScaler } from './distillery.js';
import { fixedScaler } from './fixed.js';
import { hpaScaler } from './hpa.js';
import { kedaScaler } from './keda.js';
import type { Scaler, Setting } from './scaler.js';

export const realPolicies = {
  fixed: fixedScaler,
  hpa: hpaScaler,
  keda: kedaScaler,
  distillery: distilleryScaler,
} as const satisfies Record<string, (setting: Setting) => Promise<Scaler>>;

export type RealPolicy = keyof typeof realPolicies;

export function isRealPolicy(name: string): name is RealPolicy {
  return Object.hasOwn(realPolicies, name);
}
