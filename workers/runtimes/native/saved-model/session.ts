/**
 * A SavedModel as a session of a teacher, computed by TensorFlow (docs/adr/0064-saved-models.md). The file is read and checked here; the
 * library gets variables as values and functions of known operators, and opens no file.
 */
import {
  type ModelFile,
  type ModelSession,
  ModelError,
  readBeside,
  type SessionOutput,
} from '../../../models/inference/index.js';
import type { Feed } from '../../../inputs/index.js';
import { librarySentence } from '../../../base/index.js';
import { types } from '../addon.js';
import { type OpDefinition, opDefinitions } from '../op-list.js';
import type { StartedNative } from '../start.js';
import { makeVariable } from '../variables.js';
import { type Composed, composed } from './compose.js';
import { SavedModelError } from './errors.js';
import { reachOf, readSavedModel, type SavedModelFile } from './model.js';
import { numbersIn } from './numbers.js';
import { type StoredValue, storedValues } from './stored-values.js';

let nextModel = 0;

/** @throws ModelError; ReadError where another attempt may read the files */
export async function openSavedModel(file: ModelFile, native: StartedNative): Promise<ModelSession> {
  const { path, bytes, note, signature } = file;
  try {
    const model = readSavedModel(bytes, signature);
    const values = await storedValues([...new Set(model.variables.values())], async (name, maxBytes) => {
      const content = await readBeside(path, name, maxBytes);
      note(content);
      return content;
    });
    return new SavedModel(path, native, model, values).session();
  } catch (error) {
    throw asModelError(path, error);
  }
}

function asModelError(path: string, error: unknown): unknown {
  return error instanceof SavedModelError ? new ModelError({ path, ...error.refusal }, { cause: error }) : error;
}

class SavedModel {
  readonly #path: string;
  readonly #native: StartedNative;
  readonly #model: SavedModelFile;
  readonly #prefix = `saved_${String(nextModel++)}_`;
  /** Handles of variables by their nodes, in the order of the functions' first arguments. */
  readonly #variables: ReadonlyMap<string, number>;
  /** By the name of the output. */
  readonly #functions = new Map<string, Composed>();
  #definitions: ReadonlyMap<string, OpDefinition> | undefined;

  /** @param values by the names of the model's variables */
  constructor(path: string, native: StartedNative, model: SavedModelFile, values: ReadonlyMap<string, StoredValue>) {
    this.#path = path;
    this.#native = native;
    this.#model = model;
    this.#variables = this.#createVariables(values);
  }

  session(): ModelSession {
    return {
      description: this.#native.description,
      inputs: this.#model.inputs,
      outputs: this.#model.outputs,
      // eslint-disable-next-line @typescript-eslint/require-await -- an error must reject, not throw
      run: async (feeds, output) => this.#run(feeds, output),
      close: () => {
        this.#close();
        return Promise.resolve();
      },
    };
  }

  #createVariables(values: ReadonlyMap<string, StoredValue>): ReadonlyMap<string, number> {
    const { addon } = this.#native;
    const handles = new Map<string, number>();
    for (const [node, name] of this.#model.variables) {
      const stored = values.get(name);
      if (stored === undefined) throw new TypeError(`no value of ${name}`);
      handles.set(node, makeVariable(addon, stored));
    }
    return handles;
  }

  #run(feeds: readonly Feed[], output: string): SessionOutput {
    const { addon } = this.#native;
    const { name } = this.#functionFor(output);
    const given = feeds.map(({ data, shape }, at) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return addon.createTensor(this.#model.inputs[at]?.type ?? 0, shape, bytes);
    });
    try {
      const [answer] = addon.executeOp(name, [], [...this.#variables.values(), ...given], 1);
      if (answer === undefined) throw new TypeError(`no output ${output}`);
      given.push(answer.id);
      return { data: numbersIn(answer.dtype, addon.readTensor(answer.id)), shape: answer.shape };
    } finally {
      for (const id of given) addon.deleteTensor(id);
    }
  }

  #functionFor(output: string): Composed {
    const known = this.#functions.get(output);
    if (known !== undefined) return known;
    const { inputs, outputs } = this.#model;
    const { addon } = this.#native;
    const wanted = outputs.find(({ name }) => name === output);
    if (wanted === undefined) throw new TypeError(`no output ${output}`);
    this.#definitions ??= opDefinitions(new Uint8Array(addon.opList()));
    try {
      const own = [
        ...[...this.#variables.keys()].map((node) => ({ node, type: types.resource })),
        ...inputs.map(({ node, type }) => ({ node, type })),
      ];
      const prefix = `${this.#prefix}${String(this.#functions.size)}_`;
      const end = { tensor: wanted.tensor, type: wanted.code };
      const made = composed(reachOf(this.#model, wanted), own, end, this.#definitions, prefix);
      for (const definition of made.definitions) addon.addFunction(definition);
      this.#functions.set(output, made);
      return made;
    } catch (error) {
      throw error instanceof SavedModelError ? asModelError(this.#path, error) : this.#refused(error);
    }
  }

  #refused(cause: unknown): ModelError {
    return new ModelError(
      {
        path: this.#path,
        found: `a model that TensorFlow refuses (${librarySentence(cause)})`,
        expected: 'a SavedModel',
        remedy: 'save it again with a TensorFlow that is not newer than the one of `npm run native`',
      },
      { cause },
    );
  }

  #close(): void {
    const { addon } = this.#native;
    for (const { names } of this.#functions.values()) for (const name of names) addon.removeFunction(name);
    this.#functions.clear();
    for (const id of this.#variables.values()) addon.deleteTensor(id);
  }
}
