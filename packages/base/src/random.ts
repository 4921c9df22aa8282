/**
 * Seeded pseudo-random numbers that are the same in every language and on every machine.
 *
 * Owns the one generator of the project. Only 32-bit integer arithmetic and exact divisions are used, so
 * a foreign worker reproduces every stream from docs/protocol.md bit for bit; Math.random is never used
 * where a training result could depend on it (I1).
 */

/** A stream of pseudo-random numbers. */
export interface Random {
  /** Next unsigned 32-bit integer. */
  uint32(): number;
  /** Next float in [0, 1), a multiple of 2^-32. */
  unit(): number;
  /**
   * Next integer in [0, bound), unbiased (rejection).
   * @param bound a whole number from 1 to 2^32
   * @throws RangeError for any other: no draw would ever fit
   */
  below(bound: number): number;
}

/** The finalizer of MurmurHash3 (32 bit): every input bit changes about half of the output bits. */
export function mix32(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** One 32-bit seed from several numbers, each taken modulo 2^32; the order matters. */
export function seedOf(...parts: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const part of parts) h = mix32(Math.imul(h, 31) + mix32(part >>> 0) + 0x9e3779b9);
  return h;
}

/**
 * The generator sfc32 (Chris Doty-Humphrey, PractRand), seeded through mix32 and run 12 rounds before use.
 * @param seed any number; taken modulo 2^32
 */
export function randomFrom(seed: number): Random {
  let a = mix32(seed);
  let b = mix32(a + 0x9e3779b9);
  let c = mix32(b + 0x9e3779b9);
  let counter = 1;
  const uint32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let round = 0; round < 12; round++) uint32();
  const below = (bound: number): number => {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 0x1_0000_0000)) {
      throw new RangeError(`random below: found bound ${String(bound)}, expected a whole number from 1 to 2^32`);
    }
    // The largest multiple of `bound` that fits 32 bits; draws above it would favor small results.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    for (;;) {
      const draw = uint32();
      if (draw < limit) return draw % bound;
    }
  };
  return { uint32, unit: () => uint32() / 0x1_0000_0000, below };
}
