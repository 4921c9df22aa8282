/**
 * Where tensors are computed. One small interface; which one is used is chosen by capability at start, logged, told in
 * the telemetry and can be forced (design §7).
 */

export const runtimeNames = ['wasm', 'cpu'] as const;
export type RuntimeName = (typeof runtimeNames)[number];

export interface Runtime {
  readonly name: RuntimeName;
  /** For people: "wasm (SIMD, 1 thread)". */
  readonly description: string;
}
