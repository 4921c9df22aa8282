/** Variables that the workers of a run get from the environment of `distill run`. Pure. */
import { CliError } from './exit.js';

/** What each may be; workers take the same and would refuse the rest (workers/process/environment.ts). */
const values: Readonly<Record<string, readonly string[]>> = {
  DISTILL_RUNTIME: ['auto', 'wasm', 'cpu'],
  DISTILL_LOG_LEVEL: ['trace', 'debug', 'info', 'warn', 'error'],
};

/** @throws CliError usage, before anything was started for a worker that could not run */
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
