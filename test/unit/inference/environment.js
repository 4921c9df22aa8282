/**
 * The environment of all tests with the process's own Float32Array and friends. Jest gives each test file new ones, and the
 * native onnxruntime makes its answers with the process's: its own check `data instanceof Float32Array` would fail.
 */
import Environment from '../../kit/environment.js';

export default class extends Environment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, { Float32Array, Float64Array, BigInt64Array, Uint16Array });
  }
}
