/** What TensorFlow says of its ops: names of outputs and types of attributes, as a FunctionDef needs them. */
import type { OpAttribute } from './addon.js';
import type { Constant } from './function-def.js';
import { eachField } from './proto.js';

/** One input or output of an op; lists of tensors have a number or a list of types. */
export interface OpArgument {
  readonly name: string;
  /** A type of its own; 0 = that of an attribute. */
  readonly type: number;
  readonly typeAttribute: string;
  readonly numberAttribute: string;
  readonly typeListAttribute: string;
}

export interface OpDefinition {
  readonly inputs: readonly OpArgument[];
  readonly outputs: readonly OpArgument[];
  readonly attributes: readonly { readonly name: string; readonly type: string; readonly hasDefault: boolean }[];
  /** What it is where its first inputs are variables that take its results. */
  readonly inPlace?: InPlaceOp;
}

export interface InPlaceOp {
  readonly op: string;
  readonly attributes: readonly OpAttribute[];
  /** How many of the inputs, the first ones, it changes. */
  readonly variables: number;
  /** Further inputs, between these and the others. */
  readonly constants: readonly Constant[];
}

/** @param bytes a serialized OpList */
export function opDefinitions(bytes: Uint8Array): ReadonlyMap<string, OpDefinition> {
  const definitions = new Map<string, OpDefinition>();
  eachField(bytes, (field, reader) => {
    if (field !== 1) return false;
    const [name, definition] = readDefinition(reader.bytes());
    definitions.set(name, definition);
    return true;
  });
  return definitions;
}

function readDefinition(bytes: Uint8Array): [string, OpDefinition] {
  let name = '';
  const inputs: OpArgument[] = [];
  const outputs: OpArgument[] = [];
  const attributes: OpDefinition['attributes'][number][] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) name = reader.string();
    else if (field === 2) inputs.push(readArgument(reader.bytes()));
    else if (field === 3) outputs.push(readArgument(reader.bytes()));
    else if (field === 4) attributes.push(readAttribute(reader.bytes()));
    else return false;
    return true;
  });
  return [name, { inputs, outputs, attributes }];
}

function readArgument(bytes: Uint8Array): OpArgument {
  const argument = { name: '', type: 0, typeAttribute: '', numberAttribute: '', typeListAttribute: '' };
  eachField(bytes, (field, reader) => {
    if (field === 1) argument.name = reader.string();
    else if (field === 3) argument.type = reader.int32();
    else if (field === 4) argument.typeAttribute = reader.string();
    else if (field === 5) argument.numberAttribute = reader.string();
    else if (field === 6) argument.typeListAttribute = reader.string();
    else return false;
    return true;
  });
  return argument;
}

function readAttribute(bytes: Uint8Array): OpDefinition['attributes'][number] {
  const attribute = { name: '', type: '', hasDefault: false };
  eachField(bytes, (field, reader) => {
    if (field === 1) attribute.name = reader.string();
    else if (field === 2) attribute.type = reader.string();
    else if (field === 3) {
      attribute.hasDefault = true;
      reader.bytes();
    } else return false;
    return true;
  });
  return attribute;
}
