/**
 * buildah with a store of its own. It also runs in its own mount namespace, so that its mounts end with it in every case.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from './command.js';

export interface BuildOptions {
  readonly tag: string;
  /** Build context: the folder with the Dockerfile. */
  readonly context: string;
  /** Stop after this stage. */
  readonly target?: string;
  readonly arguments?: Readonly<Record<string, string>>;
  /** Further contexts, for `COPY --from=NAME`. */
  readonly contexts?: Readonly<Record<string, string>>;
  /** Files for `RUN --mount=type=secret,id=NAME`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Files of this machine that RUN steps see at the same path, read-only; they are in no layer. */
  readonly mounts?: readonly string[];
}

const limitMs = 900_000;

export class Buildah {
  readonly #global: readonly string[];
  readonly #folder: string;

  static async open(folder: string): Promise<Buildah> {
    // Also holds `--mount=type=cache`.
    await mkdir(join(folder, 'tmp'), { recursive: true });
    return new Buildah(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.#global = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay'];
  }

  async has(image: string): Promise<boolean> {
    return this.#run(['inspect', '--type', 'image', '--format', '{{.FromImageID}}', image]).then(
      () => true,
      () => false,
    );
  }

  async build(options: BuildOptions): Promise<void> {
    const { tag, context, target, arguments: values = {}, contexts = {}, secrets = {}, mounts = [] } = options;
    const pairs = (flag: string, entries: Readonly<Record<string, string>>): string[] =>
      Object.entries(entries).flatMap(([name, value]) => [flag, `${name}=${value}`]);
    await this.#run([
      'bud',
      '--isolation=chroot',
      '--layers',
      // The same content gives the same image.
      '--timestamp=0',
      '--pull-never',
      ...(target === undefined ? [] : ['--target', target]),
      ...pairs('--build-arg', values),
      ...pairs('--build-context', contexts),
      ...Object.entries(secrets).flatMap(([id, source]) => ['--secret', `id=${id},src=${source}`]),
      ...mounts.flatMap((path) => ['--volume', `${path}:${path}:ro`]),
      '--file',
      join(context, 'Dockerfile'),
      '--tag',
      tag,
      context,
    ]);
  }

  /** Writes it as an OCI archive, compressed as a registry would store it. */
  async save(image: string, archive: string): Promise<void> {
    await this.#run(['push', image, `oci-archive:${archive}:${image}`]);
  }

  /** @returns bytes of its layers as they lie on a node, to three digits */
  async size(image: string): Promise<number> {
    const [amount = '', unit = ''] = (await this.#run(['images', '--format', '{{.Size}}', image])).trim().split(' ');
    const bytes = Number(amount) * ({ kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? NaN);
    if (!(bytes > 0)) throw new Error(`buildah: found the size ${amount} ${unit}, expected one such as 4.66 GB`);
    return bytes;
  }

  /** Runs a command in a container of an image that ends with it. @returns its output @throws Error with its last lines when it fails */
  async runIn(
    image: string,
    command: readonly string[],
    {
      env = {},
      mounts = [],
    }: { readonly env?: Readonly<Record<string, string>>; readonly mounts?: readonly string[] } = {},
  ): Promise<string> {
    const container = (await this.#run(['from', '--pull-never', image])).trim();
    try {
      const given = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
      const seen = mounts.flatMap((path) => ['--volume', `${path}:${path}:ro`]);
      return await this.#run(['run', '--isolation=chroot', ...given, ...seen, container, '--', ...command]);
    } finally {
      await this.#run(['rm', container]);
    }
  }

  /** Deletes all images except these, with all layers that only the others use. */
  async keepOnly(images: readonly string[]): Promise<void> {
    const named = await this.#run(['images', '--noheading', '--format', '{{.Name}}:{{.Tag}}']);
    const known = named.split('\n').filter((name) => name !== '' && !name.includes('<none>'));
    for (const name of known) if (!images.includes(name)) await this.forget(name);
    await this.#run(['rmi', '--prune', '--force']);
  }

  async forget(image: string): Promise<void> {
    await this.#run(['rmi', image]);
  }

  #run(args: readonly string[]): Promise<string> {
    return run('unshare', ['--mount', '--propagation=private', 'buildah', ...this.#global, ...args], {
      env: { TMPDIR: join(this.#folder, 'tmp') },
      limitMs,
    });
  }
}
