/**
 * Layers that keep their weights: those that the job names, and those whose `trainable` is false in the file. Works on JSON
 * alone, before any tensor exists. Pure.
 */
import { isJsonObject } from '@distillery/base';

import { layerPatterns, someOf } from './layer-patterns.js';
import { StudentModelError } from './trainer-errors.js';

type Json = Record<string, unknown>;

/** Where layers keep the layers inside them. */
const innerKeys = ['layer', 'cell', 'cells', 'forward_layer', 'backward_layer'];

/**
 * Sets `trainable: false` in every frozen layer, in place, and in all layers inside it: a model that is frozen as a whole says so
 * in one place, and tfjs reads it in each layer.
 * @param patterns names of layers at any depth; `*` stands for any characters
 * @returns the names of the layers that were frozen before, a layer that is frozen with its model not among them
 * @throws StudentModelError for a pattern that names no layer
 */
export function freezeLayers(topology: Json, patterns: readonly string[]): readonly string[] {
  const waiting = layerPatterns(patterns);
  const unmatched = new Set(waiting);
  const names: string[] = [];
  const ofFile: string[] = [];
  const visit = (layer: unknown, isFrozen: boolean): void => {
    if (!isJsonObject(layer)) return;
    const { config } = layer;
    const fields = isJsonObject(config) ? config : {};
    const name = textOf(layer.name) ?? textOf(fields.name) ?? '';
    names.push(name);
    const matched = waiting.filter((pattern) => pattern.matches(name));
    for (const pattern of matched) unmatched.delete(pattern);
    const isOwn = fields.trainable === false;
    const freezes = isFrozen || isOwn || matched.length > 0;
    if (isOwn && !isFrozen) ofFile.push(name);
    if (freezes && isJsonObject(config)) config.trainable = false;
    for (const inner of layersInside(config)) visit(inner, freezes);
  };
  for (const layer of layersInside(topology.config))
    visit(layer, isJsonObject(topology.config) && topology.config.trainable === false);
  const [stray] = unmatched;
  if (stray === undefined) return ofFile;
  throw new StudentModelError('freeze', `no layer named ${stray.text}`, `one of ${someOf(names)}`, {
    remedy: 'correct spec.student.freeze; * stands for any characters',
  });
}

function layersInside(config: unknown): readonly unknown[] {
  if (Array.isArray(config)) return config as unknown[];
  if (!isJsonObject(config)) return [];
  const listed = Array.isArray(config.layers) ? (config.layers as unknown[]) : [];
  return [...listed, ...innerKeys.flatMap((key): unknown[] => [config[key]].flat())];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
