/**
 * Writes the libraries with which onnxruntime computes on NVIDIA devices (CUDA 13, cuDNN 9), and their licenses:
 *
 *   node scripts/image/cuda-libraries.ts OUT
 *
 *   OUT/provider    of ONNX Runtime: they belong beside the library of onnxruntime-node, whose version they have
 *   OUT/cuda        of NVIDIA: a folder of LD_LIBRARY_PATH
 *   OUT/licenses    a file for each wheel
 *
 * They come from wheels of PyPI, each named by its SHA-256; no Python runs. PIP_INDEX_URL names another index.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import yauzl from 'yauzl';

interface Wheel {
  readonly project: string;
  readonly file: string;
  readonly sha256: string;
  /** Names of the files that are kept, without their folders. */
  readonly libraries: readonly string[];
}

/** Of onnxruntime-node, and so of its provider: both sides of that interface belong to one release. */
const onnxruntime = '1.30.0';
const cudnn = [
  'adv',
  'cnn',
  'engines_precompiled',
  'engines_runtime_compiled',
  'engines_tensor_ir',
  'ext',
  'graph',
  'heuristic',
  'ops',
];

const wheels: readonly Wheel[] = [
  {
    project: 'onnxruntime-gpu',
    file: `onnxruntime_gpu-${onnxruntime}-cp312-cp312-manylinux_2_28_x86_64.whl`,
    sha256: '6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1',
    libraries: ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'],
  },
  {
    project: 'nvidia-cublas',
    file: 'nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl',
    sha256: 'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84',
    libraries: ['libcublas.so.13', 'libcublasLt.so.13'],
  },
  {
    project: 'nvidia-cuda-runtime',
    file: 'nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    sha256: 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d',
    libraries: ['libcudart.so.13'],
  },
  {
    project: 'nvidia-cuda-nvrtc',
    file: 'nvidia_cuda_nvrtc-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    sha256: '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc',
    libraries: ['libnvrtc.so.13', 'libnvrtc-builtins.so.13.5'],
  },
  {
    project: 'nvidia-nvjitlink',
    file: 'nvidia_nvjitlink-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    sha256: '280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb',
    libraries: ['libnvJitLink.so.13'],
  },
  {
    project: 'nvidia-cudnn-cu13',
    file: 'nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl',
    sha256: 'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec',
    libraries: ['libcudnn.so.9', ...cudnn.map((part) => `libcudnn_${part}.so.9`)],
  },
  {
    project: 'nvidia-cufft',
    file: 'nvidia_cufft-12.5.0.14-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    sha256: 'b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad',
    libraries: ['libcufft.so.12'],
  },
  {
    project: 'nvidia-curand',
    file: 'nvidia_curand-10.4.5.25-py3-none-manylinux_2_27_x86_64.whl',
    sha256: '22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529',
    libraries: ['libcurand.so.10'],
  },
];

const index = process.env.PIP_INDEX_URL ?? 'https://pypi.org/simple';

async function answer(url: string, accept: string): Promise<Response> {
  const response = await fetch(url, { headers: { accept } });
  if (!response.ok) throw new Error(`${new URL(url).host}: status ${String(response.status)}. Check the index.`);
  return response;
}

/** The address of a wheel: the index lists it (PEP 691). */
async function addressOf({ project, file }: Wheel): Promise<string> {
  const page = `${index.replace(/\/$/, '')}/${project}/`;
  const { files } = (await (await answer(page, 'application/vnd.pypi.simple.v1+json')).json()) as {
    readonly files: readonly { readonly filename: string; readonly url: string }[];
  };
  const found = files.find(({ filename }) => filename === file);
  if (found === undefined) throw new Error(`${project}: the index lists no ${file}. Choose another version.`);
  return new URL(found.url, page).href;
}

/** @throws Error when it is not the file of the digest, which is removed then */
async function download(wheel: Wheel, target: string): Promise<void> {
  const { body } = await answer(await addressOf(wheel), '*/*');
  if (body === null) throw new Error(`${wheel.file}: empty answer. Try again.`);
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(body), hashing, createWriteStream(target));
  const found = hash.digest('hex');
  if (found === wheel.sha256) return;
  await rm(target);
  throw new Error(`${wheel.file}: found SHA-256 ${found}, expected ${wheel.sha256}. Check the index.`);
}

/** Of all that is kept: a wheel that grows is checked by a person before it is shipped. */
const mostBytes = 2_450_000_000;

/** Copies the files that `placeOf` has a place for. @returns their names without folders */
async function unpack(file: string, placeOf: (path: string) => string | null): Promise<string[]> {
  const archive = await yauzl.openPromise(file, { lazyEntries: true });
  const names: string[] = [];
  for await (const entry of archive.eachEntry()) {
    const place = placeOf(entry.fileName);
    if (place === null) continue;
    await mkdir(dirname(place), { recursive: true });
    await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(place, { mode: 0o644 }));
    names.push(basename(entry.fileName));
  }
  return names;
}

const [out = ''] = process.argv.slice(2);
if (out === '') throw new Error('usage: cuda-libraries.ts OUT');
const { version } = JSON.parse(await readFile('node_modules/onnxruntime-node/package.json', 'utf8')) as {
  version: string;
};
if (version !== onnxruntime) {
  throw new Error(
    `onnxruntime-node: found ${version}, expected ${onnxruntime}. Name the wheel of that version in this script.`,
  );
}
await mkdir(out, { recursive: true });
for (const wheel of wheels) {
  const { project, file, libraries } = wheel;
  process.stdout.write(`${file}\n`);
  const target = join(out, file);
  await download(wheel, target);
  const folder = project === 'onnxruntime-gpu' ? 'provider' : 'cuda';
  const found = await unpack(target, (path) => {
    const name = basename(path);
    if (libraries.includes(name)) return join(out, folder, name);
    return /\/licen[cs]e(\.txt)?$/i.test(path) ? join(out, 'licenses', `${project}.txt`) : null;
  });
  await rm(target);
  const missing = libraries.filter((name) => !found.includes(name));
  if (missing.length > 0) throw new Error(`${file}: holds no ${missing.join(', ')}. Correct the list of this script.`);
}
let total = 0;
for (const folder of ['provider', 'cuda']) {
  const names = (await readdir(join(out, folder))).toSorted();
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(out, folder, name))).size));
  names.forEach((name, at) => process.stdout.write(`${((sizes[at] ?? 0) / 1e6).toFixed(1).padStart(8)} MB  ${name}\n`));
  total += sizes.reduce((sum, size) => sum + size, 0);
}
process.stdout.write(`${(total / 1e6).toFixed(1).padStart(8)} MB  in all\n`);
if (total > mostBytes)
  throw new Error(`${String(total)} bytes, at most ${String(mostBytes)}. Leave out what no model needs.`);
