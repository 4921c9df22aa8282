/**
 * Weights of Keras 3 files, and of what converters make of them, have numbers for names: `layers/dense_1/vars/0` is the first
 * weight of the second layer of class Dense, in the order of the layers. A label says the same by the layer's own name, for the
 * file and for the model that is built: `logits#0`, `both/forward#0` for one direction of a Bidirectional, and `heads/query#0` for a part of an
 * attention. Pure.
 */
import { isJsonObject } from '@distillery/base';

import { isContainer, type Json } from './topology.js';

const numbered = /^(.*)\/vars\/(\d+)$/;

/** Whether any of the names is one of a Keras 3 file. */
export function areNumbered(names: readonly string[]): boolean {
  return names.some((name) => numbered.test(name));
}

/**
 * @param topology of the file, as it writes it
 * @returns what gives the label for a name of the file; other names stay as they are
 */
export function fileLabels(topology: unknown): (name: string) => string {
  const layers = new Map<string, string>();
  if (isJsonObject(topology)) collect(topology, '', layers);
  return (name) => {
    const [, path = '', index = ''] = numbered.exec(name) ?? [];
    if (index === '') return name;
    const parts = path.split('/');
    for (let end = parts.length; end > 0; end--) {
      const layer = layers.get(parts.slice(0, end).join('/'));
      if (layer === undefined) continue;
      const part = parts.slice(end).flatMap((inner) => partOfFile.exec(inner)?.[1] ?? [])[0];
      return `${layer}${part === undefined ? '' : `/${part}`}#${index}`;
    }
    return name;
  };
}

/** Parts of a layer in the names of a Keras 3 file, and in those of tfjs and Keras 2. */
const partOfFile = /^(forward|backward|query|key|value|output)_(?:layer|dense)$/;
const partOfModel = /^(?:(forward|backward)_|(query|key|value)$|attention_(output)$)/;

function collect(container: Json, prefix: string, found: Map<string, string>): void {
  const { config } = container;
  const layers = isJsonObject(config) && Array.isArray(config.layers) ? (config.layers as unknown[]) : [];
  const taken = new Map<string, number>();
  for (const layer of layers.filter(isJsonObject)) {
    const className = snakeCase(String(layer.class_name));
    const earlier = taken.get(className) ?? 0;
    taken.set(className, earlier + 1);
    const path = `${prefix}layers/${className}${earlier === 0 ? '' : `_${String(earlier)}`}`;
    const own = isJsonObject(layer.config) ? layer.config.name : undefined;
    if (isContainer(String(layer.class_name))) collect(layer, `${path}/`, found);
    else found.set(path, String(own ?? layer.name ?? layer.class_name));
  }
}

/** As Keras names the folders of layers. */
function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** @param names of a model's weights, in its order @returns the label of each */
export function modelLabels(names: readonly string[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    names.map((name) => {
      const [layer = '', inner = '', weight] = name.split('/');
      const found = weight === undefined ? null : partOfModel.exec(inner);
      const part = found?.[1] ?? found?.[2] ?? found?.[3];
      const owner = part === undefined ? layer : `${layer}/${part}`;
      const index = counts.get(owner) ?? 0;
      counts.set(owner, index + 1);
      return [name, `${owner}#${String(index)}`];
    }),
  );
}
