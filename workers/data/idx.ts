/**
 * The idx format (MNIST and its relatives): big-endian header [0, 0, type, dimensions, size …], then raw bytes.
 *
 * Owns the open file handles of one split. Samples are read from the file on demand: a process keeps no copy of the
 * images, and student and teachers on one machine share the page cache. Reads are synchronous on
 * purpose: 128 positional reads from the page cache take well under a millisecond, twice as fast as through the
 * thread pool (measured: 210 k against 100 k samples/s, conversion included).
 */
import { count } from '@distillery/base';

import { type FarFiles, type OpenBytes, openBytesAt, truncated } from '../tables/index.js';
import { DataError, imageInputs, imageSamples, inputsText, sameInputs, sizeOf, type Split } from '../samples/index.js';
import type { IdxFiles } from './idx-locate.js';

import type { Dataset } from './dataset.js';

const unsignedByte = 0x08;
const typeNames = new Map([
  [0x09, 'signed bytes'],
  [0x0b, '16-bit integers'],
  [0x0c, '32-bit integers'],
  [0x0d, '32-bit floats'],
  [0x0e, '64-bit floats'],
]);
/** Other files that people name by mistake; no start is longer than the shortest header. */
const foreignFormats = [
  { start: 'PK\x03\x04', found: 'a zip archive', remedy: 'unpack it' },
  { start: 'version ', found: 'a pointer of Git LFS', remedy: 'get the file itself: `git lfs pull`' },
  { start: '<', found: 'a web page', remedy: 'download the file itself, not the page about it' },
] as const;
/** Upper bound of one sample, so that a damaged header cannot ask for gigabytes a batch. */
const maxSampleBytes = 1 << 26;
const pixelOf = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** An open idx file of unsigned bytes whose length agrees with its header. */
interface IdxFile {
  readonly path: string;
  readonly bytes: OpenBytes;
  readonly sizes: readonly number[];
  readonly bodyOffset: number;
}

/**
 * Both splits.
 * @param far files that are elsewhere
 * @throws DataError when a file is missing, damaged, or the splits do not fit each other; ReadError
 */
export async function openPlainIdx(files: IdxFiles, far?: FarFiles): Promise<Dataset> {
  const train = openIdxSplit(files.trainImages, files.trainLabels, far);
  let test: Split | undefined;
  try {
    test = openIdxSplit(files.testImages, files.testLabels, far);
    if (!sameInputs(test.spec.inputs, train.spec.inputs)) {
      throw new DataError({
        about: files.testImages,
        found: `images of ${inputsText(test.spec.inputs)}`,
        expected: `${inputsText(train.spec.inputs)}, as in ${files.trainImages}`,
        remedy: 'take both splits from the same data set',
      });
    }
  } catch (error) {
    await test?.close();
    await train.close();
    throw error;
  }
  const opened = test;
  return {
    train,
    test: opened,
    identity: () => Promise.resolve(null),
    notes: [],
    close: async () => {
      await train.close();
      await opened.close();
    },
  };
}

/** @throws DataError when either file is missing, damaged, or does not belong to the other. */
function openIdxSplit(imagesPath: string, labelsPath: string, far: FarFiles | undefined): Split {
  const images = openIdx(imagesPath, 3, far);
  try {
    const labels = readLabels(labelsPath, far);
    const [length = 0, height = 0, width = 0] = images.sizes;
    if (labels.length !== length) {
      throw new DataError({
        about: labelsPath,
        found: `${String(labels.length)} labels`,
        expected: `${String(length)}, one for each image of ${imagesPath}`,
        remedy: 'take images and labels of the same split',
      });
    }
    if (length === 0 || height === 0 || width === 0 || height * width > maxSampleBytes) {
      throw new DataError({
        about: imagesPath,
        found: `${String(length)} images of ${String(height)} × ${String(width)}`,
        expected: `at least one image of 1 to ${String(maxSampleBytes)} pixels`,
        remedy: 'get the file again',
      });
    }
    return splitOf(images, labels, [height, width, 1]);
  } catch (error) {
    images.bytes.close();
    throw error;
  }
}

function splitOf(images: IdxFile, labels: Uint8Array, shape: readonly number[]): Split {
  const size = sizeOf(shape);
  const checked = (index: number): number => {
    if (Number.isInteger(index) && index >= 0 && index < labels.length) return index;
    throw new DataError({
      about: images.path,
      found: `sample index ${String(index)}`,
      expected: `an integer from 0 to ${String(labels.length - 1)}`,
      remedy: 'use the same data set for student and teachers',
    });
  };
  let bytes = new Uint8Array(0);
  const readInto = (indices: ArrayLike<number>): void => {
    if (bytes.length < indices.length * size) bytes = new Uint8Array(indices.length * size);
    for (let at = 0; at < indices.length; at++) {
      images.bytes.fill(bytes, images.bodyOffset + checked(indices[at] ?? -1) * size, at * size, size);
    }
  };
  return {
    length: labels.length,
    spec: {
      inputs: imageInputs(shape),
      positions: 1,
      target: { kind: 'class', classes: labels.reduce((most, label) => Math.max(most, label), 0) + 1, names: null },
    },
    read: (indices) =>
      new Promise((resolve) => {
        readInto(indices);
        const pixels = new Float32Array(indices.length * size);
        for (let at = 0; at < pixels.length; at++) pixels[at] = pixelOf[bytes[at] ?? 0] ?? 0;
        resolve(imageSamples(shape, pixels));
      }),
    targets: (indices) =>
      new Promise((resolve) => {
        const classes = new Int32Array(indices.length);
        for (let at = 0; at < indices.length; at++) classes[at] = labels[checked(indices[at] ?? -1)] ?? 0;
        resolve({ kind: 'class', perSample: 1, labels: classes });
      }),
    close: () => {
      images.bytes.close();
      return Promise.resolve();
    },
  };
}

function readLabels(path: string, far: FarFiles | undefined): Uint8Array {
  const file = openIdx(path, 1, far);
  try {
    const labels = new Uint8Array(file.sizes[0] ?? 0);
    file.bytes.fill(labels, file.bodyOffset);
    return labels;
  } finally {
    file.bytes.close();
  }
}

function openIdx(path: string, dimensions: number, far: FarFiles | undefined): IdxFile {
  const bytes = openBytesAt(path, 'an idx file', far);
  try {
    return checkedHeader(path, bytes, dimensions);
  } catch (error) {
    bytes.close();
    throw error;
  }
}

function checkedHeader(path: string, file: OpenBytes, dimensions: number): IdxFile {
  const bodyOffset = 4 + 4 * dimensions;
  const fault = (found: string, expected: string, remedy: string): DataError =>
    new DataError({ about: path, found, expected, remedy });
  const header = new Uint8Array(bodyOffset);
  const got = Math.min(bodyOffset, file.length);
  file.fill(header, 0, 0, got);
  const [first = 0, second = 0, type = 0, found = 0] = header;
  if (first === 0x1f && second === 0x8b)
    throw fault('a gzip file', 'a raw idx file', `unpack it: \`gunzip -k ${path}\``);
  const foreign = foreignFormats.find(({ start }) => Buffer.from(header).toString('latin1').startsWith(start));
  if (foreign !== undefined) throw fault(foreign.found, 'a raw idx file', foreign.remedy);
  if (got < 4 || first !== 0 || second !== 0) {
    const start = Buffer.from(header.subarray(0, Math.min(got, 4))).toString('hex');
    throw fault(
      `a file that starts with "${start}"`,
      'an idx file, which starts with 0000',
      'check that it is the file meant and that its download is complete',
    );
  }
  if (type !== unsignedByte) {
    const name = typeNames.get(type) ?? `type 0x${type.toString(16)}`;
    throw fault(
      `values of ${name}`,
      'unsigned bytes (type 0x8)',
      'convert the values to unsigned bytes, or take the variant of the data set that has them',
    );
  }
  if (found !== dimensions) {
    const kind = dimensions === 1 ? 'labels' : 'images';
    throw fault(
      count(found, 'dimension'),
      `${String(dimensions)}, as ${kind} have`,
      dimensionRemedy(found, dimensions),
    );
  }
  const bytes = file.length;
  if (got < bodyOffset) throw truncated(path, bytes, bodyOffset);
  const view = new DataView(header.buffer);
  const sizes = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = bodyOffset + sizes.reduce((product, size) => product * size, 1);
  if (bytes < expected) throw truncated(path, bytes, expected);
  if (bytes > expected) {
    throw fault(`${String(bytes)} bytes`, `${String(expected)} (sizes ${sizes.join(' × ')})`, 'get the file again');
  }
  return { path, bytes: file, sizes, bodyOffset };
}

function dimensionRemedy(found: number, expected: number): string {
  if ((found === 1 && expected === 3) || (found === 3 && expected === 1)) {
    return 'check that images and labels are not swapped';
  }
  if (expected === 1) return 'write the number of the class as one byte for each sample';
  return 'write the images as [number, height, width], one byte a pixel';
}
