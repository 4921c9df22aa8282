/**
 * Turns a plain value into a resolved DistillJob, or into all of its problems. The order is the API server's: remove
 * unknown fields, fill in defaults, check types and bounds, then the rules. A problem found in one step never hides those
 * that a later step can still find. Nothing here throws, for any value.
 */
import { omit } from '@distillery/base';

import {
  brokenRules,
  brokenTransitions,
  checkStructure,
  exceeds,
  type Fields,
  isFields,
  jobLimit,
  mismatch,
  nameValue,
  type Problem,
  templateLimit,
  tooLarge,
  withDefaults,
  withoutUnknown,
} from './schema/index.js';
import { jobSchema } from './generated/crd.js';
import type { DistillJob } from './generated/distilljob.js';
import { apiVersion, kind } from './words/index.js';
import { uriProblems } from './uri.js';

export type Checked =
  { readonly ok: true; readonly job: DistillJob } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Without the status: its default, for jobs that no operator has seen, is nothing that a file holds. */
const writtenSchema = { ...jobSchema, properties: omit(jobSchema.properties ?? {}, 'status') };

export function checkJob(value: unknown): Checked {
  if (!isFields(value)) {
    const expected = 'an object with apiVersion, kind, metadata and spec';
    return { ok: false, problems: [mismatch('', nameValue(value), expected, 'write a DistillJob')] };
  }
  if (exceeds(withoutManagers(value), jobLimit))
    return { ok: false, problems: [tooLarge('', 'a large object', jobLimit)] };
  const identity = identityProblems(value);
  // All fields of another kind would be reported as unknown.
  if (value.kind !== kind && value.kind !== undefined) return { ok: false, problems: identity };
  // A file cannot set the status: the API server drops it, too.
  const written = Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'status'));
  const bounded = withoutLargeTemplates(written);
  const pruned = withoutUnknown(bounded.value, jobSchema, jobSchema);
  const resolved = withDefaults(pruned.value, writtenSchema);
  const { problems: structural, unreliable } = checkStructure(jobSchema, resolved);
  const found = [
    ...identity,
    ...bounded.problems,
    ...pruned.problems,
    ...structural.filter(({ path }) => path !== 'apiVersion' && path !== 'kind'),
    ...brokenRules({ path: '', schema: jobSchema, value: resolved }, unreliable),
  ];
  const foundPaths = new Set(found.map(({ path }) => path));
  const problems = [...found, ...uriProblems(resolved).filter(({ path }) => !foundPaths.has(path))];
  if (problems.length > 0) return { ok: false, problems };
  // The checks above justify the cast: the type is generated from the schema that they used.
  return { ok: true, job: resolved as DistillJob };
}

/**
 * @returns a problem for each immutable field that a change of a stored job would change. Both jobs must be valid by
 *   themselves.
 */
export function validateUpdate(old: DistillJob, next: DistillJob): Problem[] {
  return brokenTransitions({ path: '', schema: jobSchema, value: next }, old);
}

/** Removes `managedFields`, which the API server writes and reading ignores. */
function withoutManagers(value: Fields): Fields {
  const { metadata } = value;
  return isFields(metadata) ? { ...value, metadata: omit(metadata, 'managedFields') } : value;
}

/** @returns the object with an empty template where one exceeds its limit, and a problem for each */
function withoutLargeTemplates(value: Fields): { readonly value: Fields; readonly problems: readonly Problem[] } {
  const { spec } = value;
  if (!isFields(spec)) return { value, problems: [] };
  const problems: Problem[] = [];
  const bounded = (holder: unknown, path: string): unknown => {
    if (!isFields(holder) || !exceeds(holder.template, templateLimit)) return holder;
    problems.push(tooLarge(`${path}.template`, 'a pod template', templateLimit));
    return { ...holder, template: {} };
  };
  const { teacher } = spec;
  const pools = isFields(teacher) ? teacher.pools : undefined;
  const kept = {
    ...spec,
    ...(isFields(teacher) && Array.isArray(pools)
      ? { teacher: { ...teacher, pools: pools.map((pool, at) => bounded(pool, `spec.teacher.pools[${String(at)}]`)) } }
      : {}),
    ...(spec.student === undefined ? {} : { student: bounded(spec.student, 'spec.student') }),
  };
  return problems.length === 0 ? { value, problems } : { value: { ...value, spec: kept }, problems };
}

function identityProblems(value: Readonly<Record<string, unknown>>): Problem[] {
  const problems: Problem[] = [];
  if (value.apiVersion !== apiVersion) {
    problems.push(mismatch('apiVersion', nameValue(value.apiVersion), apiVersion, `write apiVersion: ${apiVersion}`));
  }
  if (value.kind !== kind) {
    const remedy = value.kind === undefined ? `write kind: ${kind}` : `give a file whose kind is ${kind}`;
    problems.push(mismatch('kind', nameValue(value.kind), kind, remedy));
  }
  return problems;
}
