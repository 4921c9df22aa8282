import { uriText } from '@distillery/protocol';

/** The uri of an absolute path. */
export function placeUri(path: string): string {
  return uriText({ scheme: 'file', path });
}
