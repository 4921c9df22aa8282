/**
 * Top-k logits of one row, encoded and decoded. The k largest logits are kept as they are; of the rest only the softmax
 * mass is kept, which the reader spreads evenly (TinyViT, arXiv 2207.10666).
 *
 * Invariants: the choice is deterministic (equal logits: the smaller column first); the restored row is finite, its
 * kept logits are untouched, and its softmax at the frame's temperature gives the rest exactly the stored mass, up to
 * rounding.
 */

/**
 * exp of this is 0 in float32: the logit given to columns whose mass is 0, so that the row stays finite.
 * No column gets less.
 */
const leastLogShare = -104;

/** 1 − mass is never taken below this, so that a mass of 1 (the float32 nearest to 0.99999998) stays finite. */
const leastKeptMass = 2 ** -25;

/**
 * Columns of the k largest values of a row, in ascending order of column.
 * @param scratch at least row.length values, overwritten
 */
export function largestColumns(row: Float32Array, k: number, scratch: Float32Array, into: Uint32Array): void {
  const kth = kthLargest(row, k, scratch);
  let above = 0;
  for (const value of row) if (value > kth) above++;
  let ties = k - above;
  let at = 0;
  for (let column = 0; column < row.length; column++) {
    const value = row[column] ?? 0;
    if (value > kth || (value === kth && ties-- > 0)) into[at++] = column;
  }
}

/** The k-th largest value, by Hoare's selection; the pivot (the middle) decides the time taken, never the answer. */
function kthLargest(row: Float32Array, k: number, scratch: Float32Array): number {
  scratch.set(row);
  let low = 0;
  let high = row.length - 1;
  while (low < high) {
    const pivot = scratch[(low + high) >> 1] ?? 0;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((scratch[left] ?? 0) > pivot) left++;
      while ((scratch[right] ?? 0) < pivot) right--;
      if (left <= right) {
        const kept = scratch[left] ?? 0;
        scratch[left++] = scratch[right] ?? 0;
        scratch[right--] = kept;
      }
    }
    if (k - 1 <= right) high = right;
    else if (k - 1 >= left) low = left;
    else break;
  }
  return scratch[k - 1] ?? 0;
}

/**
 * Softmax mass of a row outside the columns kept, at `temperature`; summed directly, not as 1 − the kept mass, so that
 * a small mass keeps its digits.
 * @param kept ascending columns
 */
export function remainingMass(row: Float32Array, kept: Uint32Array, temperature: number): number {
  let largest = -Infinity;
  for (const value of row) if (value > largest) largest = value;
  let inside = 0;
  let outside = 0;
  let next = 0;
  for (let column = 0; column < row.length; column++) {
    const share = Math.exp(((row[column] ?? 0) - largest) / temperature);
    if (kept[next] === column) {
      inside += share;
      next++;
    } else {
      outside += share;
    }
  }
  return outside / (inside + outside);
}

export interface KeptRow {
  /** Ascending columns. */
  readonly ids: Uint32Array;
  readonly values: Float32Array | Float16Array;
  /** Softmax mass outside, in [0, 1]. */
  readonly mass: number;
}

/**
 * Restores a row: kept logits as they are, every other column
 * `T · max(ln Σ_kept exp(z/T) + ln m − ln(1 − m) − ln(columns − k), ln Σ_kept exp(z/T) − 104)`.
 * @param into the row, all columns
 */
export function spreadRow({ ids, values, mass }: KeptRow, temperature: number, into: Float32Array): void {
  if (ids.length < into.length) into.fill(shareOfRest(values, mass, temperature, into.length - ids.length));
  for (let at = 0; at < ids.length; at++) into[ids[at] ?? 0] = values[at] ?? 0;
}

function shareOfRest(kept: Float32Array | Float16Array, mass: number, temperature: number, others: number): number {
  let largest = -Infinity;
  for (const value of kept) if (value > largest) largest = value;
  let sum = 0;
  for (const value of kept) sum += Math.exp((value - largest) / temperature);
  const odds = Math.log(mass) - Math.log(Math.max(1 - mass, leastKeptMass)) - Math.log(others);
  return largest + temperature * (Math.log(sum) + Math.max(odds, leastLogShare));
}
