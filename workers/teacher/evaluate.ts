/** Measures the teacher's accuracy on the evaluation split; prints one line of JSON. No stream is needed. */
import { openInferenceThread } from '../compute/index.js';
import { openDataset, pathOfUri } from '../data/index.js';
import { readManifestFile } from '../shell/environment.js';

const rowsAtOnce = 500;

const manifest = readManifestFile(process.env['DISTILL_MANIFEST'] ?? '');
const { test } = await openDataset(manifest.dataset);
const inference = await openInferenceThread({
  format: manifest.teacher.model.format,
  path: pathOfUri(manifest.teacher.model.uri),
  input: manifest.teacher.input,
  sampleShape: test.shape,
  threads: Number(process.env['DISTILL_THREADS'] ?? 1),
});
let correct = 0;
for (let from = 0; from < test.length; from += rowsAtOnce) {
  const indices = Uint32Array.from({ length: Math.min(rowsAtOnce, test.length - from) }, (_, row) => from + row);
  const { logits } = await inference.infer(await test.read(indices), indices.length);
  const labels = test.labels(indices);
  for (const [row, label] of labels.entries()) {
    const answer = logits.subarray(row * inference.columns, (row + 1) * inference.columns);
    if (answer.indexOf(Math.max(...answer)) === label) correct += 1;
  }
}
process.stdout.write(`${JSON.stringify({ samples: test.length, accuracy: correct / test.length })}\n`);
process.exit(0);
