/** Checks the variables that `distill run` passes on to workers. Pure. */
import { alternatives } from '@distillery/base';
import { runtimeChoices } from '@distillery/protocol';

import { CliError } from '../shared/cli-error.js';

/** The values that workers accept (workers/process/environment.ts). */
const values: Readonly<Record<string, readonly string[]>> = {
  DISTILL_RUNTIME: runtimeChoices,
  DISTILL_LOG_LEVEL: ['trace', 'debug', 'info', 'warn', 'error'],
};

/** Called before anything starts. @throws CliError usage for a value that a worker would refuse */
export function checkRunEnvironment(environment: Readonly<Record<string, string>>): void {
  for (const [name, allowed] of Object.entries(values)) {
    const value = environment[name];
    if (value === undefined || allowed.includes(value)) continue;
    throw new CliError('usage', {
      about: name,
      found: JSON.stringify(value),
      expected: alternatives(allowed),
      remedy: 'correct it, or unset it',
    });
  }
}
