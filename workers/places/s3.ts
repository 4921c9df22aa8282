/**
 * Objects in S3 buckets, by the few requests that we need: GetObject, ListObjectsV2, PutObject and DeleteObject, signed with
 * Signature Version 4 (aws4fetch). Errors are known by their `Code`; nothing else of an error's body is shown, since it may quote credentials.
 */
import { createHash } from 'node:crypto';

import type { Clock } from '@distillery/base';
import { uriText } from '@distillery/protocol';
import { AwsV4Signer } from 'aws4fetch';

import { type CredentialSource, type S3Access, s3AccessOf } from './credentials.js';
import { RemoteError } from './errors.js';
import { listingIn, type S3Object, type S3Page } from './s3-listing.js';
import { answeringStatuses, refusalOf, type Source } from './source.js';
import type { Answer, Sent, Transport } from './requests.js';
import { escapedText, pathText } from './web.js';

export interface S3Bucket {
  readonly bucket: string;
  readonly credentials: CredentialSource;
  readonly transport: Transport;
  readonly clock: Clock;
}

const maxErrorBytes = 64 * 1_024;
/** A page holds at most 1,000 keys of at most 1,024 bytes, each escaped and with its facts. */
const maxPageBytes = 16 * 2 ** 20;

/** The object with this key. */
export function objectSource(place: S3Bucket, key: string): Source {
  const about = uriText({ scheme: 's3', bucket: place.bucket, path: key, sha256: null });
  return {
    about,
    ask: async (headers, signal) => {
      const answer = await ask(place, { about, key, query: {}, headers: asS3Knows(headers), signal });
      if (answeringStatuses.includes(answer.status)) return answer;
      throw await s3Refusal(place, answer, about);
    },
  };
}

/**
 * Servers of S3 promise If-Match and not If-Range: versitygw 1.8 sends a part of any version to the latter. Another version
 * is then status 412.
 */
function asS3Knows(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { 'if-range': ifRange, ...others } = headers;
  if (ifRange === undefined) return headers;
  return { ...others, ...(ifRange.startsWith('"') ? { 'if-match': ifRange } : { 'if-unmodified-since': ifRange }) };
}

interface ListOptions {
  readonly about: string;
  readonly most: number;
  readonly delimiter?: string;
  readonly signal: AbortSignal;
}

/**
 * All objects whose keys begin with `prefix`, without those that have a `delimiter` after it.
 * @throws RemoteError, `unusable` for more than `most` objects
 */
export async function listObjects(
  place: S3Bucket,
  prefix: string,
  { about, most, delimiter, signal }: ListOptions,
): Promise<readonly S3Object[]> {
  const objects: S3Object[] = [];
  let token: string | null = null;
  do {
    const query = {
      'encoding-type': 'url',
      'list-type': '2',
      prefix,
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(token === null ? {} : { 'continuation-token': token }),
    };
    const answer = await ask(place, { about, key: '', query, headers: {}, signal });
    if (answer.status !== 200) throw await s3Refusal(place, answer, about);
    const page = pageIn(await answer.text(maxPageBytes), about);
    objects.push(...page.objects);
    if (objects.length > most) {
      throw new RemoteError('unusable', {
        about,
        found: `more than ${String(most)} objects`,
        expected: 'the folder of one data set',
        remedy: 'name the folder below which only its files lie',
      });
    }
    token = page.next;
  } while (token !== null);
  return objects;
}

/** How a conditional write ended. `moved`: the object is not as the condition says. */
export type WriteOutcome = 'done' | 'moved';

/** 409: another conditional write of the same object is under way. */
const movedStatuses: readonly number[] = [409, 412];

/**
 * Writes or removes an object while it is as expected.
 * @param sent a PUT replaces the object whole or not at all
 * @param expected ETag of the object that is replaced or removed; null = there is none
 * @throws RemoteError
 */
export async function changeObject(
  place: S3Bucket,
  key: string,
  { sent, expected, signal }: { readonly sent: Sent; readonly expected: string | null; readonly signal: AbortSignal },
): Promise<WriteOutcome> {
  const about = uriText({ scheme: 's3', bucket: place.bucket, path: key, sha256: null });
  const headers: Readonly<Record<string, string>> =
    expected === null ? (sent.method === 'PUT' ? { 'if-none-match': '*' } : {}) : { 'if-match': expected };
  const answer = await ask(place, { about, key, query: {}, headers, sent, signal });
  const { status } = answer;
  if (status === 200 || status === 204) {
    answer.drop();
    return 'done';
  }
  if (movedStatuses.includes(status)) {
    answer.drop();
    return 'moved';
  }
  const error = await s3Refusal(place, answer, about);
  // The object of the condition is gone.
  if (error.reason === 'missing' && expected !== null && status === 404) return 'moved';
  throw error;
}

/** @throws RemoteError refused */
function pageIn(text: string, about: string): S3Page {
  const page = listingIn(text);
  if (page.kind === 'page') return page;
  throw new RemoteError('refused', {
    about,
    problem: `the server's list of objects cannot be read: ${page.problem}`,
    remedy: 'check AWS_ENDPOINT_URL',
  });
}

interface S3Ask {
  readonly about: string;
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly sent?: Sent;
  readonly signal: AbortSignal;
}

async function ask({ bucket, credentials, transport, clock }: S3Bucket, asked: S3Ask): Promise<Answer> {
  const { about, key, query, sent, signal } = asked;
  const body = sent === undefined ? {} : { sent };
  const access = s3AccessOf(credentials, about);
  const url = urlOf(access, bucket, key, query);
  if (access.keys === null) {
    return transport.send({ about, url, headers: asked.headers, authorization: null, ...body, signal });
  }
  const { id, secret, sessionToken } = access.keys;
  const signer = new AwsV4Signer({
    url: url.href,
    method: sent?.method ?? 'GET',
    // The server refuses a body of another digest.
    ...(sent?.method === 'PUT' ? { headers: { 'x-amz-content-sha256': sha256(sent.body) } } : {}),
    accessKeyId: id,
    secretAccessKey: secret,
    ...(sessionToken === null ? {} : { sessionToken }),
    service: 's3',
    region: access.region,
    datetime: new Date(clock.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
  });
  const { headers: signed } = await signer.sign();
  const { authorization = null, ...others } = Object.fromEntries(signed.entries());
  // Conditions and ranges are not signed: the same signature serves all of them.
  return transport.send({ about, url, headers: { ...others, ...asked.headers }, authorization, ...body, signal });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** AWS itself is asked by host names, other servers by paths; so is a bucket whose name no certificate covers. */
function urlOf({ region, endpoint }: S3Access, bucket: string, key: string, query: S3Ask['query']): URL {
  const path = pathText(key);
  const base =
    endpoint === null ? awsUrl(region, bucket, path) : `${endpoint.href.replace(/\/+$/, '')}/${bucket}/${path}`;
  const search = Object.entries(query).map(([name, value]) => `${name}=${escapedText(value)}`);
  return new URL(search.length === 0 ? base : `${base}?${search.join('&')}`);
}

function awsUrl(region: string, bucket: string, path: string): string {
  const domain = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  return bucket.includes('.') ? `https://${domain}/${bucket}/${path}` : `https://${bucket}.${domain}/${path}`;
}

const expiredCodes: readonly string[] = [
  'ExpiredToken',
  'ExpiredTokenException',
  'TokenRefreshRequired',
  'RequestExpired',
];

const damagedCodes: readonly string[] = ['XAmzContentSHA256Mismatch', 'BadDigest', 'IncompleteBody'];
const fullCodes: readonly string[] = ['QuotaExceeded', 'XMinioAdminBucketQuotaExceeded', 'XMinioStorageFull'];

/** Reads the error of an answer and puts it into words. */
async function s3Refusal({ credentials }: S3Bucket, answer: Answer, about: string): Promise<RemoteError> {
  const { status } = answer;
  const region = answer.header('x-amz-bucket-region');
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(await answer.text(maxErrorBytes).catch(() => ''))?.[1] ?? null;
  const said = code ?? `HTTP status ${String(status)}`;
  const isMounted = credentials.kind === 'folder';
  const where = isMounted
    ? 'in the Secret of secretRef'
    : 'in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  if (expiredCodes.includes(code ?? '')) {
    return new RemoteError('expired', {
      about,
      problem: `the credentials have expired (${said})`,
      remedy: `renew those ${where}`,
    });
  }
  if (code === 'RequestTimeTooSkewed') {
    const remedy = 'set the clock of this machine';
    return new RemoteError('denied', {
      about,
      problem: `the clocks of this machine and the server differ (${said})`,
      remedy,
    });
  }
  if ([301, 307].includes(status) || code === 'AuthorizationHeaderMalformed' || code === 'PermanentRedirect') {
    const remedy = `set AWS_REGION to the region of the bucket${region === null ? '' : `, ${region.slice(0, 40)}`}`;
    return new RemoteError('redirected', { about, problem: `the bucket is in another region (${said})`, remedy });
  }
  if (code === 'NoSuchBucket') {
    const remedy = 'check the name after s3://, and AWS_ENDPOINT_URL';
    return new RemoteError('missing', { about, problem: `there is no such bucket (${said})`, remedy });
  }
  if (status === 501) {
    const problem = `the server cannot do what a store needs (${said})`;
    const remedy = 'use a server that knows conditional writes (If-Match and If-None-Match of PutObject)';
    return new RemoteError('refused', { about, problem, remedy });
  }
  if (damagedCodes.includes(code ?? '')) {
    const remedy = 'check what lies between this machine and the server';
    return new RemoteError('cut', { about, problem: `other bytes arrived than were sent (${said})`, remedy });
  }
  if (fullCodes.includes(code ?? '') || status === 507) {
    const problem = `the bucket has no room left (${said})`;
    return new RemoteError('noRoom', { about, problem, remedy: 'raise its quota, or remove objects' });
  }
  if (code === 'SlowDown' || code === 'RequestTimeout') return refusalOf({ ...answer, status: 503 }, about, '');
  const signed = s3AccessOf(credentials, about).keys !== null;
  const remedy = signed
    ? `check the credentials ${where}, and what they may do`
    : isMounted
      ? 'give the Secret of secretRef the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
      : 'name a Secret in secretRef, or in a local run set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  if (status === 401 || status === 403) {
    const problem = signed
      ? `the server refuses the credentials (${said})`
      : `the server asks for credentials (${said})`;
    return new RemoteError('denied', { about, problem, remedy });
  }
  return refusalOf(answer, about, remedy);
}
