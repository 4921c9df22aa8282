/** From column-major order to row-major order. Pure. */

/**
 * @param body values of `bytesPerValue` bytes, the first axis varies fastest
 * @returns the same values, the last axis varies fastest
 */
export function rowMajor(body: Uint8Array<ArrayBuffer>, shape: readonly number[], bytesPerValue: number): Uint8Array {
  const unit = [4, 2, 1].find((size) => bytesPerValue % size === 0) ?? 1;
  const source = unitsOf(body, unit);
  const target = unitsOf(new Uint8Array(body.length), unit);
  const unitsPerValue = bytesPerValue / unit;
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < target.length; to += unitsPerValue) {
    for (let at = 0; at < unitsPerValue; at++) target[to + at] = source[from * unitsPerValue + at] ?? 0;
    // The index in row-major order counts like an odometer.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = strides[axis] ?? 0;
      from += stride;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      from -= next * stride;
      index[axis] = 0;
    }
  }
  return new Uint8Array(target.buffer);
}

function unitsOf(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array | Uint16Array | Uint32Array {
  if (size === 4) return new Uint32Array(bytes.buffer);
  return size === 2 ? new Uint16Array(bytes.buffer) : bytes;
}
