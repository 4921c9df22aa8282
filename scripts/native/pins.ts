/** What a build of the runtime `native` is made of: each download by its version and SHA-256. */

/** Also in `nativeFolderName` of packages/protocol. */
export const tensorflowVersion = '2.21.0';

/** TensorFlow's wheel for the CPU. Any Python can download it: only its libraries and headers are used. */
export const wheel = {
  requirement: `tensorflow-cpu==${tensorflowVersion}`,
  digest: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  target: ['--python-version=311', '--implementation=cp', '--abi=cp311', '--platform=manylinux_2_27_x86_64'],
  mebibytes: 261,
} as const;

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

/** Of the wheel. */
export const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;
export const headers = [
  'tensorflow/c/',
  'tensorflow/core/platform/ctstring',
  'xla/tsl/c/',
  'tsl/platform/ctstring',
] as const;

/** What a build needs at its largest, and about what stays. */
export const neededBytes = 2.5 * 2 ** 30;
