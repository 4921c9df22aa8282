/**
 * The settings of an operator that decide what a job may request, from a text of NAME=VALUE lines as
 * `kubectl set env deployment/distillery --list` prints it. Other settings are ignored.
 */
import {
  defaultTemplateRights,
  type DistillJob,
  type Problem,
  type TemplateRights,
  templateRightsProblems,
} from '../../api/index.js';
import { limitFor, type Limits, noLimits, withinLimits } from '../../domain/index.js';
import { operatorVariables, type Variable } from '../../operator/variables.js';

import { CliError } from '../shared/cli-error.js';

export interface OperatorSettings {
  readonly limits: Limits;
  readonly templateRights: TemplateRights;
}

/** What an operator does with a job. */
export interface OperatorVerdict {
  /** Why it refuses the job. */
  readonly problems: readonly Problem[];
  /** A sentence for each value that the operator lowers. */
  readonly notes: readonly string[];
}

/** The settings of an operator that is installed without any of them. */
export const defaultOperatorSettings: OperatorSettings = {
  limits: noLimits,
  templateRights: defaultTemplateRights,
};

const line = /^(?:export )?(DISTILLERY_[A-Z_]+)=(.*)$/;

/** @param source names the text in an error @throws CliError badInput for a setting that the operator refuses */
export function readOperatorSettings(text: string, source: string): OperatorSettings {
  const found = new Map<string, string>();
  for (const written of text.split('\n')) {
    const [, name, value] = line.exec(written.trim()) ?? [];
    if (name !== undefined && value !== undefined) found.set(name, value);
  }
  if (found.size === 0) {
    throw new CliError('badInput', {
      about: source,
      problem: 'it holds no setting of an operator',
      remedy:
        'write one as DISTILLERY_LIMIT_WEIGHT=10, each on a line, or save what `kubectl -n NAMESPACE set env deployment/distillery --list` prints',
    });
  }
  const read = <T>(name: string, { schema, expected, fallback, remedy }: Variable<T>): T => {
    const value = found.get(name) ?? '';
    const parsed = schema.safeParse(value === '' ? (fallback ?? '') : value);
    if (parsed.success) return parsed.data;
    throw new CliError('badInput', {
      about: `${source}: ${name}`,
      found: JSON.stringify(value),
      expected,
      remedy,
    });
  };
  const settings = operatorVariables;
  return {
    limits: {
      weight: read('DISTILLERY_LIMIT_WEIGHT', settings.DISTILLERY_LIMIT_WEIGHT),
      minReplicas: read('DISTILLERY_LIMIT_MIN_REPLICAS', settings.DISTILLERY_LIMIT_MIN_REPLICAS),
      logitsBytes: read('DISTILLERY_LIMIT_LOGITS_BYTES', settings.DISTILLERY_LIMIT_LOGITS_BYTES),
      ttlSeconds: read('DISTILLERY_LIMIT_TTL_SECONDS', settings.DISTILLERY_LIMIT_TTL_SECONDS),
    },
    templateRights: {
      annotations: read('DISTILLERY_TEMPLATE_ANNOTATIONS', settings.DISTILLERY_TEMPLATE_ANNOTATIONS),
      secrets: read('DISTILLERY_TEMPLATE_SECRETS', settings.DISTILLERY_TEMPLATE_SECRETS),
      tolerations: read('DISTILLERY_TEMPLATE_TOLERATIONS', settings.DISTILLERY_TEMPLATE_TOLERATIONS),
      studentPriorityClasses: read('DISTILLERY_STUDENT_PRIORITY_CLASSES', settings.DISTILLERY_STUDENT_PRIORITY_CLASSES),
    },
  };
}

/** @param namespace of a job that names none */
export function operatorVerdict(job: DistillJob, settings: OperatorSettings, namespace: string): OperatorVerdict {
  const namespaced = { ...job, metadata: { ...job.metadata, namespace: job.metadata.namespace ?? namespace } };
  const { refusal, notes } = withinLimits(namespaced, settings.limits).limited;
  const rights = templateRightsProblems(job, settings.templateRights);
  const most = limitFor(settings.limits.logitsBytes, namespaced.metadata.namespace);
  return { problems: refusal === null ? rights : [...rights, overLimit(job, most, refusal)], notes };
}

/** Of all limits, only the one on bytes refuses a job. */
function overLimit({ spec }: DistillJob, most: number, message: string): Problem {
  return {
    path: 'spec.logits.maxBytes',
    fault: {
      found: String(spec.logits.maxBytes),
      expected: `at most ${String(most)} bytes, as the operator lets a job of its namespace have`,
      remedy: 'lower it, or ask the administrator to raise the limit',
    },
    message,
  };
}
