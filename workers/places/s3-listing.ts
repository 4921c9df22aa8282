/** Reads a page of ListObjectsV2 (XML). Pure. */
import { SaxesParser } from 'saxes';

export interface S3Object {
  readonly key: string;
  readonly bytes: number;
  /** With its quotes, as in the header. */
  readonly etag: string | null;
}

export interface S3Page {
  readonly kind: 'page';
  readonly objects: readonly S3Object[];
  /** Where the next page begins; null = this is the last one. */
  readonly next: string | null;
}

/** The text is no such page. */
interface Malformed {
  readonly kind: 'malformed';
  readonly problem: string;
}

const root = 'ListBucketResult';

export function listingIn(text: string): S3Page | Malformed {
  const parser = new SaxesParser({ xmlns: false });
  const path: string[] = [];
  const fields = new Map<string, string>();
  const found: Map<string, string>[] = [];
  let content = '';
  const faults: string[] = [];
  parser.on('error', (error) => void faults.push(error.message.slice(0, 100)));
  parser.on('opentag', ({ name }) => {
    path.push(name);
    content = '';
    if (path.join('/') === `${root}/Contents`) found.push(new Map());
  });
  parser.on('text', (piece) => (content += piece));
  parser.on('closetag', ({ name }) => {
    if (path.length === 2) fields.set(name, content);
    if (path.length === 3 && path[1] === 'Contents') found.at(-1)?.set(name, content);
    path.pop();
    content = '';
    if (path.length === 0 && name !== root) faults.push(`its root is no ${root}`);
  });
  parser.write(text).close();
  const isEscaped = fields.get('EncodingType') === 'url';
  const objects = found.map((facts) => objectIn(facts, isEscaped));
  if (objects.includes(null)) faults.push('an object without a size, or without a key in UTF-8');
  const next = fields.get('IsTruncated') === 'true' ? (fields.get('NextContinuationToken') ?? '') : null;
  if (next === '') faults.push('it goes on, and does not say where');
  const [problem] = faults;
  if (problem !== undefined) return { kind: 'malformed', problem };
  return { kind: 'page', objects: objects.filter((object) => object !== null), next };
}

/** Null for one that is not whole. */
function objectIn(facts: ReadonlyMap<string, string>, isEscaped: boolean): S3Object | null {
  const [written = '', size = ''] = [facts.get('Key'), facts.get('Size')];
  const key = isEscaped ? unescapedKey(written) : written;
  if (key === null || key === '' || !/^\d{1,15}$/.test(size)) return null;
  return { key, bytes: Number(size), etag: facts.get('ETag') ?? null };
}

function unescapedKey(key: string): string | null {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
