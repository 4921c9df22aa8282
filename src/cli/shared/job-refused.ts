import { formatProblems, type Problem } from '../../api/index.js';

import { CliError } from './cli-error.js';

/** A job that is not valid. Its message is the report of `distill validate`, a paragraph for each problem. */
export class JobRefused extends CliError {
  override readonly kind = 'JobRefused';

  constructor(problems: readonly Problem[]) {
    super('badInput', { faults: problems.map(({ path, fault }) => ({ ...fault, about: path })), remedy: '' });
    this.message = formatProblems(problems).trimEnd();
  }
}
