/**
 * What the student is compared with: a static model of the same size, made as model2vec makes one. The teacher embeds
 * each token alone, principal components make the vectors shorter, and rare tokens get more weight. The vector of a
 * sentence is the sum of the vectors of its tokens. Pure.
 */

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Row-major. */
  readonly values: Float32Array;
}

/** Vectors of tokens, and the directions in the teacher's space that their columns stand for, of length 1. */
export interface StaticModel extends Matrix {
  /** One for each column. */
  readonly axes: readonly Float64Array[];
}

const rounds = 30;
/** A token that makes up this part of the training texts has half the weight of a rare one (smooth inverse frequency). */
const halfWeightShare = 1e-3;

/** @param counts of each token in the training texts @returns the weight of each token */
export function tokenWeights(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => halfWeightShare / (halfWeightShare + count / all));
}

/**
 * @param vectors of the teacher, one for each token
 * @param size columns of the result, at most those of `vectors`
 */
export function staticVectors(vectors: Matrix, weights: readonly number[], size: number): StaticModel {
  const centered = withoutMean(vectors);
  const axes = principalAxes(centered, size);
  const values = new Float32Array(vectors.rows * size);
  for (let row = 0; row < vectors.rows; row++) {
    const vector = centered.values.subarray(row * vectors.columns, (row + 1) * vectors.columns);
    const weight = weights[row] ?? 0;
    for (const [column, axis] of axes.entries()) values[row * size + column] = weight * dot(vector, axis);
  }
  return { rows: vectors.rows, columns: size, values, axes };
}

/** @returns one row for each text @param texts ids of the tokens of each */
export function staticEmbeddings({ columns, values }: Matrix, texts: readonly (readonly number[])[]): Float32Array {
  const sums = new Float32Array(texts.length * columns);
  for (const [row, ids] of texts.entries()) {
    for (const id of ids) {
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column;
        sums[at] = (sums[at] ?? 0) + (values[id * columns + column] ?? 0);
      }
    }
  }
  return sums;
}

function withoutMean({ rows, columns, values }: Matrix): Matrix {
  const mean = new Float64Array(columns);
  for (const [at, value] of values.entries()) mean[at % columns] = (mean[at % columns] ?? 0) + value / rows;
  return { rows, columns, values: values.map((value, at) => value - (mean[at % columns] ?? 0)) };
}

/** Directions of the largest variance, by orthogonal iteration from unit vectors. */
function principalAxes({ rows, columns, values }: Matrix, size: number): Float64Array[] {
  const covariance = Array.from({ length: columns }, () => new Float64Array(columns));
  for (let row = 0; row < rows; row++) {
    const vector = values.subarray(row * columns, (row + 1) * columns);
    for (const [at, value] of vector.entries()) addScaled(covariance[at], vector, value);
  }
  let axes: Float64Array[] = Array.from({ length: size }, (_, at) =>
    Float64Array.from({ length: columns }, (_, of) => +(of === at)),
  );
  for (let round = 0; round < rounds; round++) {
    axes = orthonormal(axes.map((axis) => Float64Array.from(covariance, (line) => dot(line, axis))));
  }
  return axes;
}

/** Gram and Schmidt. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    for (const axis of done) addScaled(vector, axis, -dot(vector, axis));
    const length = Math.sqrt(dot(vector, vector));
    done.push(vector.map((value) => value / length));
  }
  return done;
}

type Numbers = Float32Array | Float64Array;

function addScaled(target: Float64Array | undefined, source: Numbers, factor: number): void {
  if (target === undefined) return;
  for (let at = 0; at < target.length; at++) target[at] = (target[at] ?? 0) + factor * (source[at] ?? 0);
}

function dot(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
