/**
 * The part of OpenAPI v3 that our CustomResourceDefinition is written in (a Kubernetes "structural schema"), and the
 * few questions that every walk over schema and value asks. The schema itself is generated/crd.ts.
 */
import { isJsonObject } from '@distillery/base';

/** A CEL rule of a schema node; its message reads "<what is expected>; <what to do>". */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  /** Path of the guilty field below the node, with a leading dot. */
  readonly fieldPath?: string;
  readonly reason?: string;
}

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

/** Plain objects as they come from YAML or JSON. */
export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return isJsonObject(value);
}

/** The schema of one field of an object; undefined for a field that the schema does not know. */
export function fieldSchema(schema: Schema, name: string): Schema | undefined {
  const { properties } = schema;
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties;
}

/** A value that stands somewhere in an object: the schema it answers to, and how to get there. */
export interface Part {
  readonly path: string;
  readonly schema: Schema;
  readonly value: unknown;
}

/** The known parts directly below a part: fields of an object, items of a list. */
export function partsBelow({ path, schema, value }: Part): Part[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    return value.map((item: unknown, index) => ({ path: `${path}[${String(index)}]`, schema: items, value: item }));
  }
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const below = fieldSchema(schema, name);
    return below === undefined ? [] : [{ path: joinPath(path, name), schema: below, value: field }];
  });
}

/** `spec` and `weight` make `spec.weight`; a name with dots or brackets stands in brackets and quotes. */
export function joinPath(parent: string, name: string): string {
  if (!/^[A-Za-z0-9_$-]+$/.test(name)) return `${parent}[${JSON.stringify(name)}]`;
  return parent === '' ? name : `${parent}.${name}`;
}

/** The way back: `spec.pools[0]["a.b"]` is spec, pools, 0, a.b. */
export function pathParts(path: string): string[] {
  return [...path.matchAll(/[A-Za-z0-9_$-]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\]/g)].map(([part]) => {
    if (part.startsWith('["')) return String(JSON.parse(part.slice(1, -1)));
    return part.replace(/^\[(\d+)\]$/, '$1');
  });
}
