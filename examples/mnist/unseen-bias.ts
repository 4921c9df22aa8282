/**
 * How a model reads a digit that it never saw. It learned that digit's logit from pictures of others alone, where it is always
 * low, and so gives it too low a bias. Hinton, Vinyals and Dean 2015, section 3, raise that bias; they choose it on the test
 * set. Here the training set, which holds none of the digit, decides. Pure.
 */

export interface Read {
  /** Of each picture one row of logits, row-major. */
  readonly answers: Float32Array;
  readonly labels: Int32Array;
}

function rowsOf({ answers, labels }: Read): { row: Float32Array; label: number }[] {
  const columns = answers.length / labels.length;
  return [...labels].map((label, at) => ({ row: answers.subarray(at * columns, (at + 1) * columns), label }));
}

/**
 * @param read training pictures, none of them of `digit`
 * @param share of them that the bias may turn into `digit`
 * @returns what to add to the logit of `digit`; 0 where it is too high already
 */
export function biasFor(read: Read, digit: number, share: number): number {
  const room = rowsOf(read)
    .map(({ row, label }) => (row[label] ?? 0) - (row[digit] ?? 0))
    .sort((a, b) => a - b);
  return Math.max(0, room[Math.floor(share * room.length)] ?? 0);
}

export interface Shares {
  /** Part of the pictures of `digit` that is read right; NaN where there is none. */
  readonly ofDigit: number;
  readonly ofAll: number;
}

/** @param bias added to the logit of `digit` */
export function sharesRight(read: Read, digit: number, bias: number): Shares {
  const [of, all] = [
    { right: 0, count: 0 },
    { right: 0, count: 0 },
  ];
  for (const { row, label } of rowsOf(read)) {
    const biased = row.map((value, column) => (column === digit ? value + bias : value));
    const isRight = Number(biased.indexOf(Math.max(...biased)) === label);
    for (const counted of label === digit ? [of, all] : [all]) {
      counted.count += 1;
      counted.right += isRight;
    }
  }
  return { ofDigit: of.right / of.count, ofAll: all.right / all.count };
}
