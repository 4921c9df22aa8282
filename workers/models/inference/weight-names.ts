/**
 * Which variable of a tfjs layers model each of its weights is for. Converters write different names for the same variable:
 * "dense/kernel", with the model before it ("my_model/dense/kernel"), with the cell of a layer inside it
 * ("lstm/lstm_cell/kernel"), or with the output of a TensorFlow operation after it ("dense/kernel:0"). Pure.
 */
export interface Named {
  readonly name: string;
  readonly shape: readonly (number | null)[];
}

export type Pairing =
  | {
      readonly ok: true;
      /** Name of the variable, by the name of the weight. */ readonly pairs: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly found: string; readonly expected: string };

/**
 * Takes equal names first. Otherwise a weight is for the one variable of its shape whose parts all occur in its name, in
 * their order and up to its end; of several, for the one whose layer stands last.
 */
export function pairWeights(weights: readonly Named[], variables: readonly Named[]): Pairing {
  const free = new Map(variables.map((variable) => [variable.name, variable]));
  const pairs = new Map<string, string>();
  const left = weights.filter(({ name, shape }) => {
    const variable = free.get(name);
    if (variable === undefined || !sameShape(shape, variable.shape)) return true;
    free.delete(name);
    pairs.set(name, name);
    return false;
  });
  for (const weight of left) {
    const candidates = [...free.values()]
      .filter(({ shape }) => sameShape(weight.shape, shape))
      .map((variable) => ({ name: variable.name, at: indexIn(partsOf(weight.name), partsOf(variable.name)) }))
      .filter(({ at }) => at !== null);
    const last = Math.max(...candidates.map(({ at }) => at ?? 0));
    const [only, another] = candidates.filter(({ at }) => at === last);
    if (only === undefined || another !== undefined) {
      const shape = `[${weight.shape.join(', ')}]`;
      const open = [...free.values()].map(({ name, shape: of }) => `${name} [${of.join(', ')}]`);
      const some = open.slice(0, maxShown).join(', ');
      return {
        ok: false,
        found: `a weight ${weight.name.slice(0, maxNameShown)} of shape ${shape}`,
        expected:
          open.length === 0
            ? 'no further weight: every variable of the model has one'
            : `the name and shape of a variable: ${some}${open.length > maxShown ? ', …' : ''}`,
      };
    }
    free.delete(only.name);
    pairs.set(weight.name, only.name);
  }
  const missing = [...free.keys()];
  if (missing.length === 0) return { ok: true, pairs };
  const some = missing.slice(0, maxShown).join(', ');
  return {
    ok: false,
    found: `no weights for ${some}${missing.length > maxShown ? ', …' : ''}`,
    expected: 'a weight for each variable of the model',
  };
}

const maxShown = 5;
const maxNameShown = 100;

function partsOf(name: string): string[] {
  return name.replace(/:\d+$/, '').split('/');
}

/** Where in `name` the part before the last of `wanted` stands; null where the parts do not all occur. */
function indexIn(name: readonly string[], wanted: readonly string[]): number | null {
  if (name.at(-1) !== wanted.at(-1)) return null;
  let at = name.length - 1;
  let index = at;
  for (const [back, part] of wanted.slice(0, -1).reverse().entries()) {
    at = name.lastIndexOf(part, at - 1);
    if (at < 0) return null;
    if (back === 0) index = at;
  }
  return index;
}

function sameShape(one: readonly (number | null)[], other: readonly (number | null)[]): boolean {
  return one.length === other.length && one.every((axis, at) => axis === other[at]);
}
