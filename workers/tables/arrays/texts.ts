/** Texts of a fixed width, as numpy stores them. Pure. */
import { BadRow } from '../table.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface TextType {
  readonly bytes: number;
  /** UTF-32 instead of bytes. */
  readonly wide: boolean;
  readonly bigEndian: boolean;
}

/** The texts in some bytes, without the zeros that fill them up; a BadRow where one is no text. */
export function textsIn(raw: Uint8Array, type: TextType): readonly string[] | BadRow {
  const texts: string[] = [];
  for (let at = 0; at < raw.length; at += type.bytes) {
    const text = (type.wide ? wideText : narrowText)(raw.subarray(at, at + type.bytes), type.bigEndian);
    if (text === null) return new BadRow(`a text is not valid ${type.wide ? 'UTF-32' : 'UTF-8'}`);
    texts.push(text);
  }
  return texts;
}

function wideText(raw: Uint8Array, bigEndian: boolean): string | null {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const points: number[] = [];
  for (let at = 0; at < raw.length; at += 4) points.push(view.getUint32(at, !bigEndian));
  while (points.at(-1) === 0) points.pop();
  const isText = points.every((point) => point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
  return isText ? points.map((point) => String.fromCodePoint(point)).join('') : null;
}

function narrowText(raw: Uint8Array): string | null {
  let end = raw.length;
  while (end > 0 && raw[end - 1] === 0) end--;
  try {
    return utf8.decode(raw.subarray(0, end));
  } catch {
    return null;
  }
}
