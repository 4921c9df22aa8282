/**
 * Removes what may be secret from objects and logs before they leave the cluster in an archive. Pure.
 *
 * Invariants:
 *  support-redaction/1 Of a Secret nothing but its metadata, its keys and the sizes of its values remains.
 *  support-redaction/2 A value remains only where a person may know it: variables of containers whose names sound like a secret
 *    have none, and texts pass the filter of all logs (`redacted`).
 */
import { isJsonObject, redacted } from '@distillery/base';

/** Names of variables, fields and annotations whose values are secrets. */
const secretName =
  /pass(word|wd|phrase)?|secret|token|seed|creds?$|credentials?$|authorization|\bjwt\b|private.?key|access.?key|api.?key|connection.?string/i;
/** Names of fields that sound so, and name a place or a switch. */
const harmless =
  /^(secretRef|secretKeyRef|secretName|tokenizer|automountServiceAccountToken|seed|maxTokens|tokens|keyTokens|tokenExpirationSeconds|imagePullSecrets|expirationSeconds)$/;
/** Keys of an object that has been applied with kubectl: it repeats all of the object as text. */
const repeated = 'kubectl.kubernetes.io/last-applied-configuration';

const mark = '(removed)';

/** @returns a copy of an object of the API server */
export function withoutSecrets(object: unknown): unknown {
  if (isSecret(object)) return secretShape(object);
  return cleaned(object, '');
}

/** @returns the lines of a log without what looks like a secret */
export function logWithoutSecrets(lines: string): string {
  return lines.split('\n').map(redactedText).join('\n');
}

interface Secret {
  readonly kind: 'Secret';
  readonly metadata?: unknown;
  readonly type?: unknown;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly stringData?: Readonly<Record<string, unknown>>;
}

function isSecret(value: unknown): value is Secret {
  return isJsonObject(value) && value.kind === 'Secret';
}

function secretShape({ metadata, type, data = {}, stringData = {} }: Secret): object {
  const sizes = Object.entries({ ...data, ...stringData }).map(([key, value]): [string, string] => {
    const size = typeof value === 'string' ? Buffer.byteLength(value, key in data ? 'base64' : 'utf8') : 0;
    return [key, `(removed: ${String(size)} bytes)`];
  });
  return { apiVersion: 'v1', kind: 'Secret', type, metadata: cleaned(metadata, ''), data: Object.fromEntries(sizes) };
}

/** @param name of the field that holds the value */
function cleaned(value: unknown, name: string): unknown {
  if (typeof value === 'string') return isSecretName(name) ? mark : redactedText(value);
  if (Array.isArray(value))
    return (value as readonly unknown[]).map((one) => cleaned(one, isSecretName(name) ? name : ''));
  if (!isJsonObject(value)) return isSecretName(name) && typeof value === 'number' ? mark : value;
  if (isSecret(value)) return secretShape(value);
  const entries = Object.entries(value).filter(([key]) => key !== 'managedFields' && key !== repeated);
  // A variable of a container: { name, value }.
  const variable = typeof value.name === 'string' ? value.name : '';
  return Object.fromEntries(
    entries.map(([key, one]) => {
      const isValueOfSecret = key === 'value' && isSecretName(variable);
      return [redactedText(key), isValueOfSecret ? mark : cleaned(one, isSecretName(name) ? name : key)];
    }),
  );
}

function isSecretName(name: string): boolean {
  return secretName.test(name) && !harmless.test(name);
}

/** Access keys of AWS, and assignments in arguments such as `--password=x`. */
const accessKey = /\b(AKIA|ASIA)[A-Z0-9]{16}\b/g;
const assignment =
  /((?:pass(?:word|wd)?|secret|token|api[-_]?key|access[-_]?key|authorization)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;"']+)/gi;

function redactedText(text: string): string {
  return redacted(text).replace(accessKey, '…').replace(assignment, '$1…');
}
