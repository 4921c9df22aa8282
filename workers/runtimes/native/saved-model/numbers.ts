/** The bytes of a tensor of floating-point numbers as float32. Pure. */

/** TF_DataTypes. */
const float = 1;
const double = 2;
const bfloat16 = 14;
const half = 19;

/** @throws TypeError for a tensor of another type */
export function numbersIn(type: number, buffer: ArrayBuffer): Float32Array {
  switch (type) {
    case float:
      return new Float32Array(buffer);
    case double:
      return Float32Array.from(new Float64Array(buffer));
    case half:
      return Float32Array.from(new Float16Array(buffer));
    case bfloat16: {
      // The upper half of a float32.
      const bits = Uint32Array.from(new Uint16Array(buffer), (upper) => upper << 16);
      return new Float32Array(bits.buffer);
    }
    default:
      throw new TypeError(`an answer of TensorFlow's type ${String(type)}`);
  }
}
