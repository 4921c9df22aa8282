import fc from 'fast-check';

const halves = { from: 0xd800, count: 0x800 };

/**
 * One Unicode character, never the half of a pair; a unit of `fc.string`. fast-check's own unit `binary` is the same, but
 * makes a table of all 1.1 million characters in each test file, which takes about a second.
 */
export const anyCharacter = fc
  .nat(0x10ffff - halves.count)
  .map((index) => String.fromCodePoint(index < halves.from ? index : index + halves.count), indexOf);

/** @throws when the value is no such character, which tells fast-check so */
function indexOf(value: unknown): number {
  const [character, ...others] = typeof value === 'string' ? value : '';
  const code = character?.codePointAt(0);
  if (code === undefined || others.length > 0 || !character?.isWellFormed()) throw new Error('not one character');
  return code < halves.from ? code : code - halves.count;
}
