/** What `distill init` finds in a folder, by the names and first bytes of its files. */
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { besideOf } from '../../../workers/init/beside.js';
import { dataIn } from '../../../workers/init/groups.js';
import { dataAt, scan } from '../../../workers/init/scan.js';
import { withFolder } from '../../kit/folder.js';

const root = '/work/project';

function found(...paths: readonly string[]): string[] {
  const files = paths.map((path) => ({ path: join(root, path), name: path.split('/').at(-1) ?? '' }));
  return dataIn(root, files).map(
    ({ path, format, holds }) => `${format} ${path.slice(root.length + 1) || '.'}: ${holds}`,
  );
}

describe('data by the names of files', () => {
  it.each([
    ['one table', ['rows.csv'], ['csv rows.csv: 1 file']],
    ['tables of one folder', ['data/a.csv', 'data/b.csv'], ['csv data: 2 files', 'files data: 2 files']],
    [
      'splits in folders of their own',
      ['data/train/a.parquet', 'data/test/b.parquet'],
      ['parquet data: 2 files', 'files data: 2 files'],
    ],
    [
      'pictures of classes',
      ['photos/cat/1.jpg', 'photos/dog/2.JPEG'],
      ['imageFolder photos: 2 pictures', 'files photos: 2 files'],
    ],
    [
      'pictures of one split',
      ['photos/train/cat/1.png', 'photos/train/dog/2.png'],
      ['imageFolder photos: 2 pictures', 'files photos/train: 2 files'],
    ],
    ['pictures beside the teacher', ['1.webp', '2.webp'], ['imageFolder .: 2 pictures', 'files .: 2 files']],
    [
      'the files of MNIST',
      ['d/train-images-idx3-ubyte', 'd/train-labels-idx1-ubyte.gz'],
      ['idx d: 2 files', 'files d: 2 files'],
    ],
    ['arrays', ['x.npz', 'y/a.npy', 'y/b.npy'], ['npy x.npz: x.npz', 'npy y: 2 files', 'files y: 2 files']],
    ['shards', ['shards/000.tar', 'shards/001.tar'], ['webdataset shards: 2 files', 'files shards: 2 files']],
    ['plain files in a folder, beside others', ['notes.txt', 'd/a.exe', 'd/b'], ['files d: 2 files']],
    ['what is no data', ['README.md', 'job.yaml', 'requirements.txt', 'weights.bin', 'train.py'], []],
  ])('%s', (_, paths, want) => {
    expect(found(...paths)).toEqual(want);
  });
});

const layersModel = JSON.stringify({ modelTopology: {}, weightsManifest: [] });

describe('a folder', () => {
  it('has models, tokenizers and data, and hidden and foreign folders are left out', async () => {
    const files = {
      'teacher.onnx': '',
      'graph/model.json': JSON.stringify({ format: 'graph-model', modelTopology: { node: [] }, weightsManifest: [] }),
      'saved/saved_model.pb': '',
      'saved/variables/variables.index': '',
      'saved/assets/words.csv': 'a',
      'student/model.json': layersModel,
      'tokenizer.json': '{}',
      'config.json': '{}',
      'rows.json': '\uFEFF [{"a":1}]',
      '.git/x.onnx': '',
      'node_modules/y/z.onnx': '',
      'runs/a/.distillery': '',
      'runs/a/model/model.onnx': '',
    };
    await withFolder(files, async (folder) => {
      expect(await scan(folder)).toEqual({
        teachers: [
          { path: join(folder, 'graph/model.json'), format: 'tfjs-graph' },
          { path: join(folder, 'saved/saved_model.pb'), format: 'saved-model' },
          { path: join(folder, 'student/model.json'), format: 'tfjs-layers' },
          { path: join(folder, 'teacher.onnx'), format: 'onnx' },
        ],
        tokenizers: [join(folder, 'tokenizer.json')],
        data: [{ path: join(folder, 'rows.json'), format: 'jsonl', holds: '1 file' }],
        files: 7,
      });
    });
  });

  it('that is a file is refused', async () => {
    await withFolder({ 'a.csv': '' }, async (folder) => {
      await expect(scan(join(folder, 'a.csv'))).rejects.toThrow(
        'found a file, expected the folder with teacher and data',
      );
      await expect(scan(join(folder, 'none'))).rejects.toThrow('found nothing');
    });
  });

  it('that is named as the data, or a file in it, is read alone', async () => {
    await withFolder({ 'd/a.csv': '', 'd/b.txt': '', 'e.csv': '' }, async (folder) => {
      const all = await dataAt(join(folder, 'd'));
      expect(all.map(({ format }) => format)).toEqual(['csv', 'files']);
      expect(await dataAt(join(folder, 'd/a.csv'))).toEqual([
        { path: join(folder, 'd/a.csv'), format: 'csv', holds: '1 file' },
      ]);
    });
  });
});

describe('settings beside a model', () => {
  it('say how pictures are prepared, and the order of the classes', async () => {
    const files = {
      'onnx/model.onnx': '',
      'preprocessor_config.json': JSON.stringify({
        do_rescale: true,
        rescale_factor: 1 / 255,
        do_normalize: true,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.25, 0.25, 0.25],
        size: { height: 224, width: 192 },
      }),
      'config.json': JSON.stringify({ id2label: { 1: 'dog', 0: 'cat' } }),
    };
    await withFolder(files, async (folder) => {
      expect(await besideOf(join(folder, 'onnx/model.onnx'))).toEqual({
        pixels: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
        size: { height: 224, width: 192 },
        classes: ['cat', 'dog'],
      });
    });
  });

  it.each([
    ['that are no JSON', '{', {}],
    ['of another program', '{"size":{"shortest_edge":224}}', { pixels: {} }],
    [
      'without rescaling',
      '{"do_rescale":false,"do_normalize":false,"size":32}',
      { pixels: { scale: 255 }, size: { height: 32, width: 32 } },
    ],
  ])('%s', async (_, text, want) => {
    await withFolder(
      { 'm.onnx': '', 'preprocessor_config.json': text, 'config.json': '{"id2label":{"0":"LABEL_0"}}' },
      async (folder) => {
        expect(await besideOf(join(folder, 'm.onnx'))).toEqual(want);
      },
    );
  });
});
