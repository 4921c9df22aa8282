/** Weights in another order than tfjs has them, a piece at a time: a whole copy of each would double the memory. Pure. */
import { sizeOf } from '../../samples/index.js';

/** Numbers of one piece, unless one row has more. */
const pieceLength = 65_536;

/** A row-major result that is read from elsewhere: element [i, j, …] comes from offset + i · steps[0] + j · steps[1] + … */
export interface Strided {
  readonly offset: number;
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

/** The view of a row-major tensor whose axes are in another order: axis `i` of the result is `order[i]` of the given. */
export function inOrder(shape: readonly number[], order: readonly number[]): Strided {
  return {
    offset: 0,
    sizes: order.map((axis) => shape[axis] ?? 0),
    steps: order.map((axis) => sizeOf(shape.slice(axis + 1))),
  };
}

/** Yields the numbers of a view in row-major order. The pieces share one buffer: each is used before the next is taken. */
export function* pieces(data: Float32Array, view: Strided): Generator<Float32Array> {
  const { sizes, steps } = withoutSplitAxes(view);
  const length = sizes.at(-1) ?? 1;
  const step = steps.at(-1) ?? 1;
  const rows = sizeOf(sizes.slice(0, -1));
  const outer = sizes.length - 1;
  const rowsAtOnce = Math.max(1, Math.floor(pieceLength / Math.max(1, length)));
  const buffer = new Float32Array(Math.min(rows, rowsAtOnce) * length);
  const at = new Array<number>(outer).fill(0);
  let start = view.offset;
  let filled = 0;
  for (let row = 0; row < rows; row++) {
    for (let to = filled, from = start; to < filled + length; to++, from += step) buffer[to] = data[from] ?? 0;
    filled += length;
    if (filled === buffer.length || row === rows - 1) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    // The next row: the last of the other axes moves on, as in counting.
    for (let axis = outer - 1; axis >= 0; axis--) {
      const next = (at[axis] ?? 0) + 1;
      const move = steps[axis] ?? 0;
      start += move;
      if (next < (sizes[axis] ?? 0)) {
        at[axis] = next;
        break;
      }
      start -= next * move;
      at[axis] = 0;
    }
  }
}

/** Joins axes that lie behind one another in both orders: longer rows are read faster. */
function withoutSplitAxes({ sizes, steps }: Strided): Pick<Strided, 'sizes' | 'steps'> {
  const [joinedSizes, joinedSteps]: [number[], number[]] = [[], []];
  sizes.forEach((size, axis) => {
    const step = steps[axis] ?? 1;
    const last = joinedSizes.length - 1;
    if (last >= 0 && joinedSteps[last] === size * step) {
      joinedSizes[last] = (joinedSizes[last] ?? 1) * size;
      joinedSteps[last] = step;
    } else {
      joinedSizes.push(size);
      joinedSteps.push(step);
    }
  });
  return { sizes: joinedSizes, steps: joinedSteps };
}
