import { type AllocationRules, type Limits, noLimits } from '../../domain/index.js';
import { operatorVariables, type Variable } from '../../operator/variables.js';

import { CliError } from '../shared/cli-error.js';

/** Settings of the operator as flags, with the syntax of its variables. */
export interface SettingFlags {
  readonly reserve?: string;
  readonly namespaceWeights?: string;
  readonly limitWeight?: string;
  readonly limitMinReplicas?: string;
}

export interface PlanSettings {
  readonly rules: AllocationRules;
  readonly limits: Limits;
}

/** @throws CliError usage */
export function settingsIn(flags: SettingFlags): PlanSettings {
  const rules = {
    reserve: settingIn('--reserve', operatorVariables.DISTILLERY_RESERVE, flags.reserve),
    namespaceWeights: settingIn(
      '--namespace-weights',
      operatorVariables.DISTILLERY_NAMESPACE_WEIGHTS,
      flags.namespaceWeights,
    ),
  };
  const limits = {
    ...noLimits,
    weight: settingIn('--limit-weight', operatorVariables.DISTILLERY_LIMIT_WEIGHT, flags.limitWeight),
    minReplicas: settingIn(
      '--limit-min-replicas',
      operatorVariables.DISTILLERY_LIMIT_MIN_REPLICAS,
      flags.limitMinReplicas,
    ),
  };
  return { rules, limits };
}

function settingIn<T>(flag: string, { schema, expected, remedy }: Variable<T>, text = ''): T {
  const read = schema.safeParse(text);
  if (read.success) return read.data;
  throw new CliError('usage', { about: flag, found: JSON.stringify(text), expected, remedy });
}
