/**
 * Files of Keras 3 (`.keras`): zip archives of `config.json`, `metadata.json` and `model.weights.h5`. The topology is JSON and
 * is read; weights are HDF5, which no library here reads, and are refused where a job asks for them.
 */
import { decodeText, TextError } from '@distillery/base';

import { openZip } from '../tables/index.js';
import { ModelError } from './inference/errors.js';
import { maxJsonBytes } from './inference/model-file.js';

const topologyName = 'config.json';
const expected = 'a .keras file as model.save("student.keras") of Keras 3 writes it';

/**
 * The topology in a `.keras` file, as JSON text.
 * @throws ModelError when there is none; DataError for a damaged archive; ReadError
 */
export async function readKerasTopology(path: string): Promise<string> {
  const archive = await openZip(path, 'a .keras file');
  try {
    const member = archive.members.find(({ name }) => name === topologyName);
    if (member === undefined) {
      const names = archive.members.slice(0, 3).map(({ name }) => name);
      const found = `a zip archive of ${names.join(', ')}, without ${topologyName}`;
      throw new ModelError({ path, found, expected, remedy: 'save the model again' });
    }
    // Its length is known before anything is unpacked.
    const { length } = await member.head(0);
    if (length > maxJsonBytes) {
      const found = `a ${topologyName} of ${String(length)} bytes`;
      throw new ModelError({ path, found, expected: `at most ${String(maxJsonBytes)}`, remedy: 'use a smaller model' });
    }
    const content = await member.open();
    const text = new Uint8Array(content.length);
    content.fill(text, 0);
    return decodeText(text);
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    const found = `a ${topologyName} that is not UTF-8`;
    throw new ModelError({ path, found, expected, remedy: 'save the model again' }, { cause: error });
  } finally {
    archive.close();
  }
}
