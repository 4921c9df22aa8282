/** Reads an OCI archive of an image, without the programs that made it. */
import { run } from './command.js';

/** The part of an image's configuration that tests check. */
export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}
export interface ImageArchive {
  readonly compressedBytes: number;
  readonly config: ImageConfig;
  /** Layers, from the bottom. */
  readonly layers: readonly { readonly digest: string; readonly compressedBytes: number }[];
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

export async function readArchive(archive: string): Promise<ImageArchive> {
  const read = async (path: string): Promise<unknown> => JSON.parse(await run('tar', ['-xOf', archive, path]));
  const index = (await read('index.json')) as { manifests: [Descriptor] };
  const [top] = index.manifests;
  const manifest = (await read(blob(top.digest))) as { config: Descriptor; layers: Descriptor[] };
  const document = (await read(blob(manifest.config.digest))) as { config: ImageConfig };
  const parts = [top, manifest.config, ...manifest.layers];
  return {
    compressedBytes: parts.reduce((sum, { size }) => sum + size, 0),
    config: document.config,
    layers: manifest.layers.map(({ digest, size }) => ({ digest, compressedBytes: size })),
  };
}

/** Every path in one layer, without a leading slash; removed paths appear as `.wh.` names. */
export async function filesOfLayer(archive: string, digest: string): Promise<string[]> {
  const shell = 'tar -xOf "$1" "$2" | tar -tz';
  const listed = await run('sh', ['-c', shell, 'sh', archive, blob(digest)]);
  return listed.trim().split('\n');
}

function blob(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
