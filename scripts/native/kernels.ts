/**
 * The JavaScript kernels of tfjs-node as one file: `module.exports = (core) => …`, where `core` is the tfjs-core of the
 * process that loads it. The package itself would bring a second tfjs, and a download of a library that is years old.
 */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const entry = 'dist/nodejs_kernel_backend.js';
const kernels = 'dist/register_all_kernels.js';

/** What the kernels call of other modules. Node 24 has no `isNullOrUndefined` and no `isArray`. */
const supplied: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs': 'core',
  '@tensorflow/tfjs-core': 'core',
  util: '{ isNullOrUndefined: (value) => value === null || value === undefined, isArray: Array.isArray }',
  os: "{ endianness: () => 'LE' }",
  // Of TensorBoard alone.
  './proto/api_pb': '{}',
};

/** @param folder of the unpacked package @throws Error when a module requires one that is not supplied */
export function bundledKernels(folder: string): string {
  const modules = new Map<string, string>();
  const visit = (name: string): void => {
    if (modules.has(name)) return;
    const source = readFileSync(join(folder, name), 'utf8');
    modules.set(name, source);
    for (const [, wanted = ''] of source.matchAll(/require\(["']([^"']+)["']\)/g)) {
      if (supplied[wanted] !== undefined) continue;
      if (!wanted.startsWith('.')) throw new Error(`${name}: it requires ${wanted}, which is not supplied`);
      visit(posix.join(posix.dirname(name), `${wanted}.js`));
    }
  };
  visit(entry);
  visit(kernels);
  const table = [...modules].map(
    ([name, source]) => `${JSON.stringify(name)}(module, exports, require) {\n${source}\n},`,
  );
  const given = Object.entries(supplied).map(([name, value]) => `${JSON.stringify(name)}: ${value},`);
  return [
    "'use strict';",
    `// Built from @tensorflow/tfjs-node (Apache-2.0) by scripts/native.`,
    'module.exports = (core) => {',
    `const supplied = {\n${given.join('\n')}\n};`,
    `const modules = {\n${table.join('\n')}\n};`,
    loader,
    `load(${JSON.stringify(kernels)});`,
    `return load(${JSON.stringify(entry)});`,
    '};',
    '',
  ].join('\n');
}

const loader = `const loaded = new Map();
const load = (name) => {
  if (loaded.has(name)) return loaded.get(name).exports;
  const module = { exports: {} };
  loaded.set(name, module);
  const folder = name.slice(0, name.lastIndexOf('/'));
  modules[name](module, module.exports, (wanted) => {
    if (wanted in supplied) return supplied[wanted];
    const path = wanted.startsWith('../') ? folder.slice(0, folder.lastIndexOf('/')) + wanted.slice(2) : folder + wanted.slice(1);
    return load(path + '.js');
  });
  return module.exports;
};`;
