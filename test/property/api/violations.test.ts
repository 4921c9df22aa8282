/** What the walk over our schema finds is what ajv finds, whatever stands anywhere in a job. */
import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import type { ErrorObject } from 'ajv';
import fc from 'fast-check';

import { jobSchema } from '../../../src/api/generated/crd.js';
import { joinPath, type Schema } from '../../../src/api/schema/schema.js';
import { violationsOf } from '../../../src/api/schema/violations.js';
import { anyCharacter } from '../../kit/characters.js';

type Fields = Record<string, unknown>;

/** OpenAPI v3 as Kubernetes writes it, as JSON Schema draft 7. */
function toJsonSchema(schema: Schema): Fields {
  const { minimum, exclusiveMinimum, items, additionalProperties: others, properties, ...same } = schema;
  return {
    ...same,
    ...(schema['x-kubernetes-int-or-string'] === true ? { type: ['integer', 'string'] } : {}),
    ...(minimum === undefined ? {} : { [exclusiveMinimum === true ? 'exclusiveMinimum' : 'minimum']: minimum }),
    ...(items === undefined ? {} : { items: toJsonSchema(items) }),
    ...(others === undefined ? {} : { additionalProperties: toJsonSchema(others) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, field]) => [name, toJsonSchema(field)]),
          ),
        }),
  };
}

const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, strictNumbers: true, validateFormats: false });
const validate = ajv.compile(toJsonSchema(jobSchema));

function pathOf({ keyword, instancePath, params }: ErrorObject, root: unknown): string {
  let [path, at] = ['', root];
  for (const escaped of instancePath.split('/').slice(1)) {
    const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    path = Array.isArray(at) ? `${path}[${name}]` : joinPath(path, name);
    at = (at as Fields)[name];
  }
  return keyword === 'required' ? joinPath(path, String((params as Fields).missingProperty)) : path;
}

/** A violation as text, in any order; a value of a wrong type counts once. */
function expected(value: unknown): string[] {
  validate(value);
  const errors = validate.errors ?? [];
  const wrong = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  return errors
    .filter(({ keyword, instancePath }) => keyword === 'type' || !wrong.has(instancePath))
    .map((error) => {
      const { limit, missingProperty, pattern } = error.params as { limit?: number } & Record<string, string>;
      return `${error.keyword} ${pathOf(error, value)} ${String(limit ?? missingProperty ?? pattern ?? '')}`;
    })
    .sort();
}

function found(value: unknown): string[] {
  return violationsOf(jobSchema, value)
    .map(({ keyword, path, detail }) => `${keyword} ${path} ${detail}`)
    .sort();
}

const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, true, 'a', '', 'A B', '😀'.repeat(40), 'x'.repeat(70), [], [[]], {}, '1Gi', 'Never'),
  fc.integer(),
  fc.double(),
  fc.constantFrom(-1, 0, 0.5, 1, 1.5, 64, 1e9, Number.MAX_SAFE_INTEGER, Infinity, NaN),
  fc.string({ unit: anyCharacter, maxLength: 12 }),
);

/** Values of which most parts fit the schema, so that most of it is reached. */
function near(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (depth > 7) return leaf;
  const { properties = {}, items, additionalProperties: others } = schema;
  const fits: fc.Arbitrary<unknown>[] = [];
  if (schema.enum !== undefined) fits.push(fc.constantFrom(...schema.enum));
  if (schema.type === 'object') {
    const fields = fc.record(
      Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, near(field, depth + 1)])),
      { requiredKeys: [] },
    );
    const more = fc.dictionary(
      fc.constantFrom('a', 'b.c', 'x/y~z', 'toString'),
      others === undefined ? leaf : near(others, depth + 1),
      { maxKeys: 2 },
    );
    fits.push(
      fields,
      fc.tuple(fields, more).map(([one, two]) => ({ ...two, ...one })),
    );
  }
  if (schema.type === 'array') {
    fits.push(fc.array(near(items ?? {}, depth + 1), { maxLength: 4 }));
    if ((schema.maxItems ?? Infinity) < 50) fits.push(fc.constant(Array<null>(50).fill(null)));
  }
  return fits.length === 0
    ? leaf
    : fc.oneof({ weight: 9, arbitrary: fc.oneof(...fits) }, { weight: 1, arbitrary: leaf });
}

test('of any value near a job, the walk and ajv find the same', () => {
  const keywords = new Set<string>();
  fc.assert(
    fc.property(near(jobSchema, 0), (value) => {
      const finds = found(value);
      for (const find of finds) keywords.add(find.slice(0, find.indexOf(' ')));
      expect(finds).toEqual(expected(value));
    }),
    { numRuns: 300 },
  );
  // The test means something only if it reached every kind.
  expect([...keywords].sort()).toEqual([
    ...['enum', 'exclusiveMinimum', 'maxItems', 'maxLength', 'maximum', 'minItems', 'minLength', 'minimum'],
    ...['pattern', 'required', 'type'],
  ]);
});

test.each<[string, Schema, unknown, number]>([
  ['a character outside the basic plane counts as one', { maxLength: 2 }, '😀😀', 0],
  ['three of them are more than two', { maxLength: 2 }, '😀😀😀', 1],
  ['an endless number is none', { type: 'number' }, Infinity, 1],
  ['an amount may be a number', { 'x-kubernetes-int-or-string': true, pattern: '^a$' }, 3, 0],
])('%s', (_what, schema, value, count) => {
  expect(violationsOf(schema, value)).toHaveLength(count);
});
