/**
 * The CustomResourceDefinition itself: the API server accepts it, and it has the properties on which this room relies.
 */
import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { jobSchema } from '../../../src/api/generated/crd.js';
import { apiGroup, apiVersion, conditionTypes, kind, plural } from '../../../src/api/index.js';
import { brokenRules } from '../../../src/api/schema/rules.js';
import type { Rule, Schema } from '../../../src/api/schema/schema.js';
import { patternWords } from '../../../src/api/schema/structure.js';

interface Crd {
  metadata: { name: string };
  spec: {
    group: string;
    names: { kind: string; plural: string };
    versions: {
      name: string;
      schema: { openAPIV3Schema: Schema };
      subresources: object;
      additionalPrinterColumns: { name: string; jsonPath: string; type: string }[];
    }[];
  };
}

const crd = parse(readFileSync(new URL('../../../crds/distilljobs.yaml', import.meta.url), 'utf8')) as Crd;
const version = crd.spec.versions[0]!;
const root = version.schema.openAPIV3Schema;

interface Node {
  path: string;
  schema: Schema;
}

function nodes(schema: Schema, path: string): Node[] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => nodes(field, `${path}.${name}`));
  return [{ path, schema }, ...fields, ...(schema.items === undefined ? [] : nodes(schema.items, `${path}[]`))];
}

const all = nodes(root, '');
const written = all.filter(({ path }) => path.startsWith('.spec') || path.startsWith('.status'));
const rules = all.flatMap(({ path, schema }) =>
  (schema['x-kubernetes-validations'] ?? []).map((rule): [string, Schema, Rule] => [
    `${path}: ${rule.rule}`,
    schema,
    rule,
  ]),
);

describe('the CRD', () => {
  test('has the names that the code uses', () => {
    expect(crd.metadata.name).toBe(`${plural}.${apiGroup}`);
    expect(`${crd.spec.group}/${version.name}`).toBe(apiVersion);
    expect(crd.spec.names).toMatchObject({ kind, plural });
    expect(version.subresources).toEqual({ status: {} });
  });

  test('is the schema that the code carries', () => {
    expect(jobSchema.properties?.spec).toEqual(root.properties?.spec);
    expect(jobSchema.properties?.status).toEqual(root.properties?.status);
    expect(jobSchema['x-kubernetes-validations']).toEqual(root['x-kubernetes-validations']);
  });

  test('names every condition type where it describes conditions', () => {
    const description = root.properties?.status?.properties?.conditions?.description;
    for (const type of conditionTypes) expect(description).toContain(type);
  });

  test('describes every field', () => {
    expect(written.filter(({ path, schema }) => !path.endsWith('[]') && (schema.description ?? '') === '')).toEqual([]);
  });

  test('bounds every number and amount that a user writes, so that it fits where it is used', () => {
    const numbers = written.filter(
      ({ path, schema }) =>
        path.startsWith('.spec') &&
        schema.enum === undefined &&
        (schema.type === 'integer' || schema.type === 'number' || schema['x-kubernetes-int-or-string'] === true),
    );
    expect(numbers.length).toBeGreaterThan(20);
    const unbounded = numbers.filter(({ schema }) => schema.maximum === undefined);
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test('bounds every text and list, so that the API server can bound the cost of rules', () => {
    const unbounded = written.filter(
      ({ schema }) =>
        (schema.type === 'string' && schema.enum === undefined && schema.maxLength === undefined) ||
        (schema.type === 'array' && schema.maxItems === undefined) ||
        (schema.type === 'number' && schema.minimum === undefined && schema.default !== undefined),
    );
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test('has a structural schema: a type everywhere but where it takes both', () => {
    expect(
      all.filter(({ schema }) => schema.type === undefined && schema['x-kubernetes-int-or-string'] !== true),
    ).toEqual([]);
  });

  test('has words for every pattern', () => {
    const patterns = written
      .filter(({ path }) => path.startsWith('.spec'))
      .flatMap(({ schema }) => schema.pattern ?? []);
    expect(new Set(patterns)).toEqual(new Set(patternWords.keys()));
  });

  test('fills in every object that may be left out and has defaults below', () => {
    // An object with a required field of its own is there or not; its defaults complete it when it is there.
    const hasDefaults = ({ required, properties }: Schema): boolean =>
      required === undefined && Object.values(properties ?? {}).some((field) => field.default !== undefined);
    const forgotten = written.flatMap(({ path, schema }) =>
      Object.entries(schema.properties ?? {})
        .filter(
          ([name, field]) =>
            !(schema.required ?? []).includes(name) && field.default === undefined && hasDefaults(field),
        )
        .map(([name]) => `${path}.${name}`),
    );
    expect(forgotten).toEqual([]);
  });

  test('shows columns of fields that the status has', () => {
    const known = new Set(all.map(({ path }) => path));
    const shown = version.additionalPrinterColumns
      // One entry of a list, chosen by its name.
      .map(({ jsonPath }) => jsonPath.replace(/\[\?\(@\.name=="[A-Za-z0-9]+"\)\]/, '[]'))
      .filter((path) => path.startsWith('.status'));
    expect(shown.filter((path) => !known.has(path))).toEqual([]);
    expect(version.additionalPrinterColumns.map(({ name }) => name)).toEqual([
      'Phase',
      'Reason',
      'Step',
      '%',
      'Samples/s',
      'Teachers',
      'ETA',
      'Accuracy',
      'Agreement',
      'Message',
      'Age',
    ]);
  });

  test('has defaults that satisfy the rules of their place before the fields in them have theirs, as the API server checks', () => {
    const broken = all
      .filter(({ schema }) => schema.default !== undefined)
      .flatMap(({ path, schema }) => brokenRules({ path, value: schema.default, schema }, []));
    expect(broken).toEqual([]);
  });

  test.each(rules)(
    'has a rule with a remedy, a guilty field and a sane shape: %s',
    (_title, schema, { rule, message, fieldPath }) => {
      expect(message).toMatch(/^[^;]+; [^;]+$/);
      expect(message).not.toMatch(/[\n.]$/);
      if (fieldPath !== undefined) {
        let at: Schema | undefined = schema;
        for (const name of fieldPath.split('.').slice(1)) at = at?.properties?.[name];
        expect(at).toBeDefined();
      }
      // Optional fields without a default must be guarded, or the rule fails where the field is absent.
      for (const [, name = ''] of rule.matchAll(/\bself\.([a-zA-Z]+)\b(?!\()/g)) {
        const isThere = (schema.required ?? []).includes(name) || schema.properties?.[name]?.default !== undefined;
        if (!isThere && name !== 'metadata') expect(rule).toContain(`has(self.${name}`);
      }
    },
  );
});
