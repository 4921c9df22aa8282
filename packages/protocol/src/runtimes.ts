/** The names of the runtimes that compute models: settings, help and documentation all take them from here. */

/** In order of preference: `auto` takes the first that works on the machine. */
export const runtimeNames = ['wasm', 'cpu'] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/** Values of `DISTILL_RUNTIME`. */
export const runtimeChoices = ['auto', ...runtimeNames] as const;
export type RuntimeChoice = (typeof runtimeChoices)[number];
