/** A job's text as `kubectl apply` takes it → a resolved job, or all problems at once, each with its line. */
import { checkJob } from './check.js';
import type { Checked } from './check.js';
import type { Problem } from './problem.js';
import { readSource } from './source.js';
import type { SourceOptions } from './source.js';

export function readJob(text: string, options: SourceOptions): Checked {
  const source = readSource(text, options);
  if (source.problems.length > 0) return { ok: false, problems: source.problems };
  const checked = checkJob(source.value);
  return checked.ok ? checked : { ok: false, problems: inTextOrder(source.locate(checked.problems)) };
}

/** Adds lines and columns to problems that were found in the job itself, such as those of `unsupported`. */
export function locateProblems(problems: readonly Problem[], text: string, options: SourceOptions): Problem[] {
  return inTextOrder(readSource(text, options).locate(problems));
}

function inTextOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    ({ position: a }, { position: b }) => (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0),
  );
}
