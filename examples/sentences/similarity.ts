/** How alike two models find the same sentences: measures of similarities, without regard to their scale. Pure. */

/** One row a sentence. */
export interface Embeddings {
  readonly count: number;
  readonly values: Float32Array;
}

/** @returns the cosine of each pair of rows, [count × count], row-major */
export function cosines({ count, values }: Embeddings): Float32Array {
  const width = values.length / count;
  const rows = Array.from({ length: count }, (_, row) => {
    const vector = values.subarray(row * width, (row + 1) * width);
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return vector.map((value) => value / Math.max(length, Number.MIN_VALUE));
  });
  const all = new Float32Array(count * count);
  for (const [row, a] of rows.entries()) {
    for (const [column, b] of rows.entries()) {
      let sum = 0;
      for (let at = 0; at < width; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
      all[row * count + column] = sum;
    }
  }
  return all;
}

/** Spearman's rank correlation of the similarities of all pairs of two different sentences. */
export function rankCorrelation(count: number, a: Float32Array, b: Float32Array): number {
  const [ranksA, ranksB] = [ranks(pairs(count, a)), ranks(pairs(count, b))];
  const mean = (ranksA.length - 1) / 2;
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (const [at, rank] of ranksA.entries()) {
    const [x, y] = [rank - mean, (ranksB[at] ?? 0) - mean];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

/** The share of the nearest sentences by `a` that are also among the nearest by `b`, over all sentences. */
export function neighborOverlap(count: number, a: Float32Array, b: Float32Array, nearest: number): number {
  let shared = 0;
  for (let row = 0; row < count; row++) {
    const [ofA, ofB] = [a, b].map((all) => {
      const similarities = all.subarray(row * count, (row + 1) * count);
      const others = [...similarities.keys()].filter((other) => other !== row);
      const byNearness = others.sort((x, y) => (similarities[y] ?? 0) - (similarities[x] ?? 0));
      return new Set(byNearness.slice(0, nearest));
    });
    shared += [...(ofA ?? [])].filter((other) => ofB?.has(other)).length;
  }
  return shared / (count * nearest);
}

/** Above the diagonal. */
function pairs(count: number, all: Float32Array): Float32Array {
  const values = new Float32Array((count * (count - 1)) / 2);
  let at = 0;
  for (let row = 0; row < count; row++) {
    for (let column = row + 1; column < count; column++) values[at++] = all[row * count + column] ?? 0;
  }
  return values;
}

/** From 0; equal values share the mean of their ranks. */
function ranks(values: Float32Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const found = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end += 1;
    for (let at = start; at < end; at++) found[order[at] ?? 0] = (start + end - 1) / 2;
    start = end;
  }
  return found;
}
