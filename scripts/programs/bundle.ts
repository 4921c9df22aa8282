/**
 * Bundles programs with esbuild: a process or a thread of ours starts with about ten files to find and read instead of four
 * hundred, which is most of the time of a short command (ADR 68). Code that several of them use is in shared files, so that
 * a class exists once in a process. Nothing is renamed or minified: a line of it is the line that tsc wrote.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

import { writeWhole } from '@distillery/platform';
import { build as runEsbuild, type Plugin } from 'esbuild';

import { packageOf, programsFolder, staysOutside } from './programs.ts';

const root = join(import.meta.dirname, '../..');
const compiled = join(root, 'dist');
/** Name of the function that gives the URL of a path below the bundle's folder, in each file that asks for it. */
const toFolder = '__inBundle';

export interface Bundle {
  /** Texts by path below the bundle's folder. */
  readonly files: ReadonlyMap<string, string>;
  /** Files that it was made from, relative to the root of the repository. */
  readonly inputs: readonly string[];
  /** Names of the packages that its files import. */
  readonly packages: readonly string[];
}

/**
 * @param entries paths below dist/, without extension; each is a file of that path in the bundle
 * @throws Error that says what cannot be bundled
 */
export async function bundle(entries: readonly string[]): Promise<Bundle> {
  const { outputFiles, metafile } = await runEsbuild({
    absWorkingDir: root,
    entryPoints: entries.map((entry) => join(compiled, `${entry}.js`)),
    outbase: compiled,
    // Where it would lie; nothing is written.
    outdir: programsFolder,
    entryNames: '[dir]/[name]',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    plugins: [outsidePackages, modulesInPlace],
    logLevel: 'error',
  });
  const files = outputFiles.map(({ path, text }): [string, string] => {
    const file = relative(programsFolder, path);
    return [file, placed(file, text)];
  });
  const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
  const packages = new Set(imported.filter(({ path }) => !isBuiltin(path)).map(({ path }) => packageOf(path)));
  return { files: new Map(files), inputs: Object.keys(metafile.inputs), packages: [...packages].toSorted() };
}

const outsidePackages: Plugin = {
  name: 'outside-packages',
  setup: (build) => {
    build.onResolve({ filter: /^[^./]/ }, ({ path }) =>
      staysOutside(packageOf(path)) ? { path, external: true } : undefined,
    );
  },
};

/** A module that asks where it is gets the place that tsc gave it, below the bundle's folder instead of dist/. */
const modulesInPlace: Plugin = {
  name: 'modules-in-place',
  setup: (build) => {
    build.onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const place = relative(compiled, path).split(sep).join('/');
      if (place.startsWith('..')) return undefined;
      const contents = await readFile(path, 'utf8');
      return {
        contents: contents.replaceAll('import.meta.url', `${toFolder}(${JSON.stringify(place)})`),
        loader: 'js',
      };
    });
  },
};

/**
 * @param file its path below the bundle's folder
 * @throws Error when a module asks for its own place in another way: it would get that of the bundle
 */
function placed(file: string, text: string): string {
  // Not in a line of a comment.
  if (/^(?!\s*(?:\*|\/\/)).*import\.meta/m.test(text)) {
    throw new Error(`${file}: a module in it uses import.meta. Leave its package outside of the bundle.`);
  }
  const folder = relative(dirname(file), '.') || '.';
  const lines = [];
  if (text.includes(toFolder)) {
    lines.push(
      `const ${toFolder} = (place) => new URL(${JSON.stringify(`${folder}/`)} + place, import.meta.url).href;`,
    );
  }
  if (text.includes('typeof require')) {
    // The shared file for CommonJS modules asks for a `require`, which a module has to make.
    lines.push("import { createRequire } from 'node:module';", 'const require = createRequire(import.meta.url);');
  }
  return [...lines, text].join('\n');
}

/** Writes the files, entry points last and each as a whole, and removes what is left of an earlier bundle. */
export async function writeBundle(folder: string, { files }: Bundle): Promise<void> {
  const isShared = ([file]: readonly [string, string]): boolean => file.startsWith(`chunks${sep}`);
  const [shared, entries] = [[...files].filter(isShared), [...files].filter((file) => !isShared(file))];
  for (const [file, text] of [...shared, ...entries]) {
    const target = join(folder, file);
    await mkdir(dirname(target), { recursive: true });
    await writeWhole(target, text);
  }
  const found = await readdir(folder, { recursive: true });
  const outdated = found.filter((file) => file.endsWith('.js') && !files.has(file));
  await Promise.all(outdated.map((file) => rm(join(folder, file), { force: true })));
}
