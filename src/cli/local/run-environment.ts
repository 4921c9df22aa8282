/** Checks the variables that `distill run` passes on to workers. Pure. */
import { CliError } from '../shared/cli-error.js';

/** The values that workers accept (workers/process/environment.ts). */
const values: Readonly<Record<string, readonly string[]>> = {
  DISTILL_RUNTIME: ['auto', 'wasm', 'cpu'],
  DISTILL_LOG_LEVEL: ['trace', 'debug', 'info', 'warn', 'error'],
};

/** Called before anything starts. @throws CliError usage for a value that a worker would refuse */
export function checkRunEnvironment(environment: Readonly<Record<string, string>>): void {
  for (const [name, allowed] of Object.entries(values)) {
    const value = environment[name];
    if (value === undefined || allowed.includes(value)) continue;
    const list = `${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1) ?? ''}`;
    throw new CliError('usage', {
      about: name,
      found: JSON.stringify(value),
      expected: list,
      remedy: 'correct it, or unset it',
    });
  }
}
