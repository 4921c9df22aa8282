/**
 * Objects of the API server, normalized: plain JSON whose times are strings, with apiVersion and kind also on items of
 * a list (which come without them). Only the metadata has a type; callers interpret the rest.
 */
import { ApiError } from './errors.js';
import { fieldsOf } from './json.js';
import { apiVersionOf, type ResourceKind } from './kinds.js';

export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredMetadata;
  readonly [field: string]: unknown;
}

export interface StoredMetadata {
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
    readonly controller?: boolean;
  }[];
  readonly [field: string]: unknown;
}

/**
 * An object to write: for apply only the fields that the caller owns, for replace all fields, with the resourceVersion
 * that was read.
 */
export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** @throws ApiError malformed when the value is not an object of the API */
export function storedObject(value: unknown, kind: ResourceKind, doing: string): StoredObject {
  const metadata = fieldsOf(fieldsOf(value)?.metadata);
  const { name, namespace = '', uid, resourceVersion } = metadata ?? {};
  if (
    metadata === null ||
    typeof name !== 'string' ||
    typeof namespace !== 'string' ||
    typeof uid !== 'string' ||
    typeof resourceVersion !== 'string'
  ) {
    throw new ApiError('malformed', {
      doing,
      fault: {
        about: doing,
        found: 'something without name, uid and resourceVersion',
        expected: `a ${kind.kind}`,
        remedy: '',
      },
    });
  }
  return {
    ...fieldsOf(value),
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { ...metadata, name, namespace, uid, resourceVersion },
  };
}
