/**
 * The job as YAML for a report. A DistillJob names its secrets and holds none, but a pod template may hold what a person put
 * there by mistake. Pure.
 *
 * Invariant: safe-job/1 Values of environment variables, arguments after a flag that names a secret, queries of https
 * addresses, and annotations that repeat the object are left out.
 */
import { withoutLogins } from '@distillery/base';
import { stringify } from 'yaml';

import type { DistillJob } from '../api/index.js';

const hidden = '(left out)';
const secretName =
  /pass(word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|authorization|bearer/i;
const flagAlone = /^--?[\w.-]+$/;
const assignment = /^([\w.-]{1,100}\s*[=:]\s*)(\S.*)$/s;
const query = /(https:\/\/[^\s?]{1,2000})\?\S+/g;
const copies: ReadonlySet<string> = new Set(['kubectl.kubernetes.io/last-applied-configuration']);
/** Far more than a job has; the rest is cut with a word about it. */
const mostCharacters = 128 * 1024;

export function jobYaml({ apiVersion, kind, metadata, spec }: DistillJob): string {
  const {
    name,
    namespace,
    uid,
    labels,
    annotations = {},
  } = metadata as DistillJob['metadata'] & {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  const kept = Object.entries(annotations).filter(([key]) => !copies.has(key));
  const shown = {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(labels === undefined ? {} : { labels }),
      ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
    },
    spec,
  };
  const text = stringify(safe(shown), { lineWidth: 0, aliasDuplicateObjects: false });
  return text.length <= mostCharacters
    ? text
    : `${text.slice(0, mostCharacters)}\n# the rest is left out: the job is long\n`;
}

function safe(value: unknown): unknown {
  if (typeof value === 'string') return safeText(value);
  if (Array.isArray(value)) return value.map((item: unknown, index) => safeItem(item, value[index - 1]));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value);
  const isVariable = 'name' in value && 'value' in value && typeof value.value === 'string';
  return Object.fromEntries(
    fields.map(([key, field]: [string, unknown]) => {
      if (isVariable && key === 'value') return [key, hidden];
      // A name such as `secretName` names a secret; its value is not one.
      const holdsSecret = secretName.test(key) && !/(name|ref|key|keys)$/i.test(key);
      return [key, holdsSecret && typeof field === 'string' ? hidden : safe(field)];
    }),
  );
}

/** An item of a list of arguments: what follows a flag such as `--token` is its value. */
function safeItem(item: unknown, before: unknown): unknown {
  const follows = typeof before === 'string' && flagAlone.test(before) && secretName.test(before);
  return follows && typeof item === 'string' && !item.startsWith('-') ? hidden : safe(item);
}

function safeText(text: string): string {
  const assigned = assignment.exec(text);
  if (assigned?.[1] !== undefined && secretName.test(assigned[1])) return `${assigned[1]}${hidden}`;
  return withoutLogins(text.replace(query, '$1?…'));
}
