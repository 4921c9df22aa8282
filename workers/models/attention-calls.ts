/**
 * Calls of attention layers as lists of tensors: query alone, query and value, or query, value and key. Keras passes the others
 * by name. On JSON alone. Pure.
 */
import { isJsonObject } from '@distillery/base';

import { type Json, shown, TopologyError } from './topology.js';

export const attentionClass = 'MultiHeadAttention';

/** What a call gives beside tensors, at which it says nothing. */
const silent: Readonly<Record<string, readonly unknown[]>> = {
  training: [true, false],
  return_attention_scores: [false],
  use_causal_mask: [true, false],
};

export interface AttentionCall<Tensor> {
  /** Query, value and key without those that are equal to the one before. */
  readonly tensors: readonly Tensor[];
  readonly isCausal: boolean;
}

/**
 * @param given tensors in their order @param options by name: value, key, use_causal_mask
 * @param isSame whether two tensors are one
 * @throws TopologyError for what is not computed, such as a mask
 */
export function attentionCall<Tensor>(
  where: string,
  { given, options }: { readonly given: readonly Tensor[]; readonly options: Json },
  isSame: (one: Tensor, other: Tensor) => boolean,
): AttentionCall<Tensor> {
  const { value, key, ...rest } = options as { readonly value?: Tensor; readonly key?: Tensor } & Json;
  const [query, second = value ?? undefined, third = key ?? undefined, ...more] = given;
  for (const [name, setting] of Object.entries(rest)) {
    if (setting === null || setting === undefined || silent[name]?.includes(setting) === true) continue;
    throw new TopologyError(where, `a call with ${shown(name)}`, expected, remedy);
  }
  if (query === undefined || second === undefined || more.length > 0) {
    throw new TopologyError(where, 'a call without query and value, or with more than a key', expected, remedy);
  }
  const isCausal = rest.use_causal_mask === true;
  if (third !== undefined && !isSame(third, second)) return { tensors: [query, second, third], isCausal };
  return { tensors: isSame(query, second) ? [query] : [query, second], isCausal };
}

const expected = 'calls on query, value and key alone, all steps seen or the earlier ones (use_causal_mask)';
const remedy = 'leave it out; texts of one length need no mask';

/** The layer's entry with the causal mask of its calls in its config. @throws TopologyError where the calls differ in it */
export function withCausality(config: Json, calls: readonly { readonly isCausal: boolean }[], where: string): Json {
  const [first, ...more] = calls;
  if (first === undefined) return config;
  if (more.some(({ isCausal }) => isCausal !== first.isCausal)) {
    throw new TopologyError(where, 'calls with and without use_causal_mask', 'the same in every call', remedy);
  }
  return first.isCausal ? { ...config, use_causal_mask: true } : config;
}

/** Calls as Keras 2 writes them, in place: `[["query", 0, 0, {"value": ["value", 0, 0]}]]`. @throws TopologyError */
export function listAttentionCalls(topology: Record<string, unknown>): void {
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isJsonObject(value)) return;
    if (value.class_name === attentionClass && Array.isArray(value.inbound_nodes)) listCalls(value);
    Object.values(value).forEach(visit);
  };
  visit(topology);
}

function listCalls(layer: Record<string, unknown>): void {
  const where = `layer ${shown(String(layer.name))}`;
  const nodes = layer.inbound_nodes as unknown[];
  const calls = nodes.flatMap((node) => {
    const [first, ...more] = Array.isArray(node) ? (node as unknown[]) : [];
    const options = Array.isArray(first) ? (first[3] as unknown) : undefined;
    // Written by us: a list of tensors, or the query alone without options.
    if (more.length > 0 || !isJsonObject(options) || Object.keys(options).length === 0) return [];
    const given = [(first as unknown[]).slice(0, 3)];
    const call = attentionCall(where, { given, options }, (one, other) => one.join() === other.slice(0, 3).join());
    return [{ node, ...call }];
  });
  if (calls.length === 0) return;
  layer.config = withCausality(isJsonObject(layer.config) ? layer.config : {}, calls, where);
  layer.inbound_nodes = nodes.map((node) => {
    const call = calls.find((each) => each.node === node);
    return call === undefined ? node : call.tensors.map((tensor) => [...tensor.slice(0, 3), {}]);
  });
}
