/** What a preset is. Pure. */
import type { DataKind, PresetInput } from './data.js';
import type { Graph, Tensor } from './graph.js';
import { optionalSize, type Parameter } from './parameter.js';

export type Parameters = Readonly<Record<string, Parameter>>;
export type ValuesOf<P> = { readonly [Name in keyof P]: P[Name] extends Parameter<infer Value> ? Value : never };

/** Why the model cannot be made, as a clause, and what to do. */
export interface Unfit {
  readonly problem: string;
  readonly remedy: string;
}

/** An input of the model: what the data has, and its tensor. */
export interface ModelInput extends PresetInput {
  readonly tensor: Tensor;
}

/** A preset as its file writes it. */
interface Description<P extends Parameters> {
  /** One line for people. */
  readonly summary: string;
  readonly takes: readonly DataKind[];
  /** Whether samples may have several inputs. */
  readonly severalInputs?: true;
  readonly parameters: P;
  /** Data for the example of the reference, of one input. */
  readonly example: PresetInput & { readonly outputs: number };
  /** What no single parameter says: that two of them do not fit. */
  readonly unfit?: (values: ValuesOf<P>) => Unfit | undefined;
  /** What the parameters ask of the data. */
  readonly unfitData?: (values: ValuesOf<P>, input: PresetInput) => Unfit | undefined;
  /** Adds the layers between the inputs and the logits. @returns one row of features a sample */
  readonly build: (graph: Graph, values: ValuesOf<P>, inputs: readonly [ModelInput, ...ModelInput[]]) => Tensor;
}

/** A preset as the rest of the package uses it; its values come from its own parameters only. */
export type Preset = Omit<Description<Parameters>, 'parameters'> & {
  readonly parameters: Parameters;
};

/** Of every preset. */
const common = {
  outputs: optionalSize(
    1,
    1_000_000,
    10,
    'Number of logits: that of the teacher. Default: the number of classes of the data set.',
  ),
};

/** Keeps the types of the values together with the parameters that give them. */
export function preset<P extends Parameters>(description: Description<P>): Preset {
  const { unfit, unfitData, build, parameters, ...rest } = description;
  return {
    ...rest,
    parameters: { ...parameters, ...common },
    ...(unfit === undefined ? {} : { unfit: (values) => unfit(values as ValuesOf<P>) }),
    ...(unfitData === undefined ? {} : { unfitData: (values, input) => unfitData(values as ValuesOf<P>, input) }),
    build: (graph, values, inputs) => build(graph, values as ValuesOf<P>, inputs),
  };
}
