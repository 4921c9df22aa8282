import { formatProblems, type Problem } from '../../api/index.js';

import { CliError } from './exit.js';

/** @returns an error that holds every problem of a job, a paragraph each */
export function jobRefused(problems: readonly Problem[]): CliError {
  return new CliError('badInput', formatProblems(problems).trimEnd());
}
