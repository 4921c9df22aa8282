/** Any JSON text whose names are data: names are read as they are written. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { parseJson } from '@distillery/base';

import { anyCharacter } from '../../kit/characters.js';

const escapes = ['"', '\\', '\n', '\t', '\b', '\u0001', '\\n', '\\"', '"\\', '\\u005c'];
const name = fc.oneof(
  fc.constantFrom(...escapes, 'a', '0', '', '__proto__', ':', '":'),
  fc.string({ unit: anyCharacter, maxLength: 2 }),
);
const { object } = fc.letrec<{ object: Members; value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 1.5, '"\\":', '\\"\\n'),
    name,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(name, tie('value')), { selector: ([own]) => own, maxLength: 4 })
    .map((members) => new Members(members)),
}));

/** An object by its members, as JSON.stringify cannot be given "__proto__" or an order. */
class Members {
  constructor(readonly members: readonly (readonly [string, unknown])[]) {}
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (!(value instanceof Members)) return JSON.stringify(value);
  return `{${value.members.map(([own, member]) => `${JSON.stringify(own)} :${textOf(member)}`).join()}}`;
}

function objectOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(objectOf);
  if (!(value instanceof Members)) return value;
  return Object.fromEntries(value.members.map(([own, member]) => [own, objectOf(member)]));
}

test('gives back what was written, with its order of names', () => {
  fc.assert(
    fc.property(object, (written) => {
      const read = parseJson(textOf(written));
      expect(read).toEqual(objectOf(written));
      expect(JSON.stringify(read)).toBe(JSON.stringify(objectOf(written)));
    }),
    { numRuns: 2_000 },
  );
});

test('a name of one escape sequence after a backslash of another text, which JSON.parse takes for one', () => {
  const name = (text: string) => Object.keys(parseJson(text) as object)[1];
  expect(name('{"before":[],"\\\\":0}')).toBe('\\');
  expect(name('{"before":1,"\\"":2}')).toBe('"');
  expect(name('{"before":1,"\\n":2}')).toBe('\n');
  expect(name('{"before":1,"\\u0009":2}')).toBe('\t');
});

test('of a name that comes twice, the last value', () => {
  expect(parseJson('{"\\"":1,"a":2,"\\u0022":3}')).toEqual({ '"': 3, a: 2 });
});

test('texts deeper than a stack', () => {
  const depth = 200_000;
  const text = `{"\\"":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(Object.keys(parseJson(text) as object)).toEqual(['"']);
});

test('strings longer than a pattern can walk', () => {
  const long = '\n'.repeat(20_000_000);
  const read = parseJson(JSON.stringify({ '"': long })) as Record<string, unknown>;
  expect(read['"'] === long).toBe(true);
});

test('a reviver', () => {
  const read = parseJson('{"\\"":12345678901234567890}', (_name, value, { source }) => source ?? value);
  expect(read).toEqual({ '"': '12345678901234567890' });
});

test.each(['{"\\"":1', '{"\\"" 1}', '', '{"\\x":1}'])('no JSON: %s', (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError);
});
