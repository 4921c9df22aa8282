/** Files on web servers. */
import { type CredentialSource, webAuthorizationOf } from './credentials.js';
import { answeringStatuses, refusalOf, type Source } from './source.js';
import type { Transport } from './requests.js';

export interface WebPlace {
  /** With its port if one is written. */
  readonly host: string;
  /** Decoded, without a slash at its start. */
  readonly path: string;
}

export function webSource(
  { host, path }: WebPlace,
  about: string,
  credentials: CredentialSource,
  transport: Transport,
): Source {
  const url = new URL(`https://${host}/${pathText(path)}`);
  return {
    about,
    ask: async (headers, signal) => {
      const authorization = webAuthorizationOf(credentials, about);
      const answer = await transport.follow({ about, url, headers, authorization, signal });
      if (answeringStatuses.includes(answer.status)) return answer;
      answer.drop();
      const remedy =
        authorization === null
          ? 'name a Secret with its credentials in secretRef, or put the file where anybody may read it'
          : 'check the credentials in the Secret of secretRef';
      throw refusalOf(answer, about, remedy);
    },
  };
}

/** A path as a url writes it; every character that S3 signs in another form is escaped. */
export function pathText(path: string): string {
  return path.split('/').map(escapedText).join('/');
}

export function escapedText(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
