/** The header of an npy file, versions 1 to 3: magic, version, length, and a dict literal that is read strictly. */
import { type Bytes, foreign, truncated } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import { type Literal, readDictLiteral, structured } from './dict-literal.js';

export interface NpyHeader {
  /** The type as numpy writes it: `<f4`, `|b1`, `<U10`; `structured` for a type with fields. */
  readonly descr: string;
  /** Column-major: the first axis varies fastest. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Position of the first value. */
  readonly bodyOffset: number;
}

const magic = '\x93NUMPY';
/** Magic, two bytes of version, four of length at most. */
const prefixBytes = 12;
/** Many times what numpy writes. */
export const maxHeaderBytes = 1 << 16;
/** As many as numpy allows. */
const maxDimensions = 64;
const keys = ['descr', 'fortran_order', 'shape'];

/** @throws DataError, ReadError */
export function readNpyHeader(bytes: Bytes): NpyHeader {
  const prefix = new Uint8Array(Math.min(prefixBytes, bytes.length));
  bytes.fill(prefix, 0);
  if (Buffer.from(prefix.subarray(0, magic.length)).toString('latin1') !== magic) {
    throw foreign(bytes.name, prefix, 'an npy file', 'x93NUMPY');
  }
  if (prefix.length < prefixBytes) throw truncated(bytes.name, bytes.length, prefixBytes);
  const fault = (found: string, expected: string, remedy: string): DataError =>
    new DataError({ about: bytes.name, found, expected, remedy });
  const view = new DataView(prefix.buffer);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) {
    throw fault(`version ${String(version)} of the npy format`, 'version 1, 2 or 3', 'save it again with numpy');
  }
  const start = version === 1 ? 10 : prefixBytes;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxHeaderBytes) {
    throw fault(`a header of ${String(length)} bytes`, `at most ${String(maxHeaderBytes)}`, 'get the file again');
  }
  if (start + length > bytes.length) throw truncated(bytes.name, bytes.length, start + length);
  const text = new Uint8Array(length);
  bytes.fill(text, start);
  const header = headerOf(readDictLiteral(Buffer.from(text).toString(version === 3 ? 'utf8' : 'latin1')));
  if (header !== null) return { ...header, bodyOffset: start + length };
  throw fault(
    'a header that numpy does not write',
    `a dict literal with ${keys.join(', ')}`,
    'get the file again, or save it again with numpy',
  );
}

function headerOf(entries: ReadonlyMap<string, Literal> | null): Omit<NpyHeader, 'bodyOffset'> | null {
  if (entries === null) return null;
  const descr = entries.get('descr');
  const fortran = entries.get('fortran_order');
  const shape = entries.get('shape');
  if (descr === structured) return { descr: 'structured', fortran: false, shape: [] };
  if (entries.size !== keys.length || typeof descr !== 'string' || typeof fortran !== 'boolean') return null;
  if (typeof shape !== 'object' || shape.length > maxDimensions) return null;
  return shape.every(Number.isSafeInteger) ? { descr, fortran, shape } : null;
}
