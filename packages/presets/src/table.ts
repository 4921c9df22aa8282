/**
 * The table of presets.
 *
 * Invariant: what a preset makes of the same parameters and the same data never changes, because a job may resume after
 * an upgrade. A better design gets a new name (test/unit/presets/frozen.test.ts).
 */
import { cnnTiny, mobilenetTiny, resnetTiny } from './images.js';
import { mlp } from './mlp.js';
import type { Preset } from './preset.js';
import { bytesCnn, textCnn, textTransformerTiny } from './sequences.js';

export const presets = {
  mlp,
  'cnn-tiny': cnnTiny,
  'resnet-tiny': resnetTiny,
  'mobilenet-tiny': mobilenetTiny,
  'text-cnn': textCnn,
  'text-transformer-tiny': textTransformerTiny,
  'bytes-cnn': bytesCnn,
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as readonly PresetName[];
