/** The list of a job's result files: what is no such list is not taken for one. */
import { readResultSums, resultSumsText } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

const sum = 'ab'.repeat(32);

describe('a list of result files', () => {
  test('is read as it was written', () => {
    const sums = new Map([
      ['model.json', sum],
      ['weights.bin', 'cd'.repeat(32)],
    ]);
    expect(readResultSums(resultSumsText(sums))).toEqual(sums);
    expect(readResultSums(`${sum} *model.json\n`)).toEqual(new Map([['model.json', sum]]));
  });

  test.each([
    ['without its last line end', `${sum}  model.json`],
    ['with a sum that is too short', `${sum.slice(1)}  model.json\n`],
    ['with a name that leads out of the folder', `${sum}  ../model.json\n`],
    ['with a file twice', `${sum}  model.json\n${sum}  model.json\n`],
    ['with a line of something else', `${sum}  model.json\nhello\n`],
  ])('%s is none', (_, text) => {
    expect(readResultSums(text)).toBeNull();
  });
});
