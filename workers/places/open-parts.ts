/** Which remote files a data set has that is read in parts, and in which version. */
import { uriText } from '@distillery/protocol';

import type { CredentialSource } from './credentials.js';
import { RemoteError } from './errors.js';
import type { RangedFile } from './range-wire.js';
import { RangedFiles, type RangedOptions } from './ranged-files.js';
import type { Remote } from './remote-file.js';
import { listFolder } from './remote-folder.js';
import type { Transport, TransportLimits } from './requests.js';
import { type RetryTools, withRetries } from './retries.js';
import { objectSource, type S3Bucket } from './s3.js';
import { ifRangeOf, partIn, type Source, type Version, versionOf } from './source.js';
import { webSource } from './web.js';

type Tools = RetryTools & { readonly transport: TransportLimits; readonly ranged: RangedOptions };
type Named = RangedFile & { readonly name: string };

/** @throws RemoteError; refused for a server that sends no parts, or does not tell one version from another */
export async function openParts(
  uri: Remote,
  credentials: CredentialSource,
  transport: Transport,
  tools: Tools,
): Promise<RangedFiles> {
  const open = (files: readonly Named[], single: boolean): Promise<RangedFiles> =>
    new RangedFiles(files, { single, credentials }, tools, tools.ranged).ready();
  const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
  const about = uriText(uri);
  if (uri.scheme === 'https') {
    const { host, path } = uri;
    const version = await versionAt(webSource({ host, path }, about, credentials, transport), tools);
    return open([{ name, about, place: { kind: 'web', host, path }, version }], true);
  }
  const bucket: S3Bucket = { bucket: uri.bucket, credentials, transport, clock: tools.clock };
  if (name === '') return open(await objectsAt(uri, bucket, tools), false);
  try {
    const version = await versionAt(objectSource(bucket, uri.path), tools);
    return await open([{ name, about, place: { kind: 's3', bucket: uri.bucket, key: uri.path }, version }], true);
  } catch (error) {
    if (!(error instanceof RemoteError) || error.reason !== 'missing') throw error;
    return open(await objectsAt({ ...uri, path: `${uri.path}/` }, bucket, tools), false);
  }
}

async function objectsAt(
  uri: Extract<Remote, { readonly scheme: 's3' }>,
  bucket: S3Bucket,
  tools: Tools,
): Promise<readonly Named[]> {
  const listed = await listFolder(uri, bucket, tools);
  return listed.map(({ name, key, bytes, etag }) => {
    const about = uriText({ ...uri, path: key });
    if (etag === null) throw withoutVersion(about);
    const version = { etag, lastModified: null, length: bytes };
    return { name, about, place: { kind: 's3', bucket: uri.bucket, key }, version };
  });
}

/** The version of a file, from its first byte. */
async function versionAt(source: Source, tools: Tools): Promise<Version & { readonly length: number }> {
  const { about } = source;
  const attempt = async (): Promise<Version & { readonly length: number }> => {
    const answer = await source.ask({ range: 'bytes=0-0', 'accept-encoding': 'identity' }, tools.signal);
    answer.drop();
    const part = partIn(answer);
    if (part?.first !== 0 || part.last !== 0) {
      throw new RemoteError('refused', {
        about,
        problem: 'it is larger than the cache, and the server sends no parts of it',
        remedy: 'raise DISTILL_CACHE_BYTES, or use a server that knows ranges',
      });
    }
    const version = { ...versionOf(answer), length: part.total };
    if (ifRangeOf(version) === null) throw withoutVersion(about);
    return version;
  };
  return withRetries({ attempt, furthest: 0 }, about, tools);
}

function withoutVersion(about: string): RemoteError {
  return new RemoteError('refused', {
    about,
    problem: 'it is larger than the cache, and the server does not tell one version of it from another',
    remedy: 'raise DISTILL_CACHE_BYTES, or use a server that sends an ETag',
  });
}
