/** What a build of the runtime `native` is made of: each download by its version and SHA-256. */

/** Also in `nativeFolderName` of packages/protocol. */
export const tensorflowVersion = '2.21.0';

export interface Wheel {
  readonly requirement: string;
  /** SHA-256 of the file for the target below. */
  readonly digest: string;
  readonly mebibytes: number;
  /** Starts of the names of the files that are unpacked. */
  readonly parts: readonly string[];
}

/** Of the wheels of TensorFlow. */
export const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;
const headers = ['tensorflow/c/', 'tensorflow/core/platform/ctstring', 'xla/tsl/c/', 'tsl/platform/ctstring'] as const;
const tensorflowParts = [
  ...libraries.map((name) => `tensorflow/${name}`),
  ...headers.map((name) => `tensorflow/include/${name}`),
];

/** Any Python can download the wheels: only libraries and headers of them are used. */
export const target = [
  ...['--python-version=311', '--implementation=cp', '--abi=cp311'],
  ...['manylinux_2_27', 'manylinux_2_17', 'manylinux2014', 'manylinux2010'].map((name) => `--platform=${name}_x86_64`),
];

const forCpu: Wheel = {
  requirement: `tensorflow-cpu==${tensorflowVersion}`,
  digest: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  mebibytes: 261,
  parts: tensorflowParts,
};

/** A wheel of NVIDIA, of which `names` are the libraries that TensorFlow loads, and their license. */
function nvidia(project: string, version: string, digest: string, mebibytes: number, ...names: string[]): Wheel {
  const dist = `nvidia_${project}_cu12-${version}.dist-info`;
  return {
    requirement: `nvidia-${project.replaceAll('_', '-')}-cu12==${version}`,
    digest,
    mebibytes,
    parts: [
      ...names.map((name) => `nvidia/${project}/lib/${name}`),
      ...[`${dist}/License.txt`, `${dist}/licenses/License.txt`],
    ],
  };
}

/**
 * TensorFlow for CUDA 12, and the libraries without which it uses no device: what `tensorflow[and-cuda]` names, without those for
 * its compiler, its profiler, random numbers and several devices.
 */
const forCuda: readonly Wheel[] = [
  {
    requirement: `tensorflow==${tensorflowVersion}`,
    digest: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    mebibytes: 546,
    parts: tensorflowParts,
  },
  nvidia(
    'cublas',
    '12.9.3.13',
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
    554,
    'libcublas.so.12',
    'libcublasLt.so.12',
  ),
  nvidia(
    'cuda_nvrtc',
    '12.9.86',
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
    85,
    'libnvrtc.so.12',
    'libnvrtc-builtins.so.12.9',
  ),
  nvidia(
    'cuda_runtime',
    '12.9.79',
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
    3,
    'libcudart.so.12',
  ),
  nvidia('cudnn', '9.28.0.42', '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375', 683, 'libcudnn'),
  nvidia(
    'cufft',
    '11.4.1.4',
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
    192,
    'libcufft.so.11',
  ),
  nvidia(
    'cusolver',
    '11.7.5.82',
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
    322,
    'libcusolver.so.11',
  ),
  nvidia(
    'cusparse',
    '12.5.10.65',
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
    349,
    'libcusparse.so.12',
  ),
  nvidia(
    'nvjitlink',
    '12.9.86',
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
    38,
    'libnvJitLink.so.12',
  ),
];

export interface Variant {
  readonly wheels: readonly Wheel[];
  /** What a build needs at its largest. */
  readonly neededBytes: number;
  /** Of what stays: a person checks a build that grows before it is used. */
  readonly mostBytes: number;
}

export const variants: Readonly<Record<'cpu' | 'cuda', Variant>> = {
  cpu: { wheels: [forCpu], neededBytes: 2.5e9, mostBytes: 0.7e9 },
  cuda: { wheels: forCuda, neededBytes: 12e9, mostBytes: 4.7e9 },
};

/** npm packages: the kernels of tfjs-node, and the headers of Node-API. */
export const packages = [
  {
    name: '@tensorflow/tfjs-node',
    version: '4.22.0',
    file: 'tensorflow-tfjs-node-4.22.0.tgz',
    digest: 'd38a448a705efc6e655a080f896b3af646ae39dffbfe9c90b06cb9fc3a2b9358',
  },
  {
    name: 'node-api-headers',
    version: '1.9.0',
    file: 'node-api-headers-1.9.0.tgz',
    digest: '6cbfac49542194ae2c8f1dee5fa2dc00d66bec9cbf3b59e3a4e5f16d14eb0d19',
  },
] as const;
