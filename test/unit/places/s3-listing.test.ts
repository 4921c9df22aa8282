/** Pages of ListObjectsV2, whole and damaged. */
import { describe, expect, test } from '@jest/globals';

import { listingIn } from '../../../workers/places/s3-listing.js';

const head =
  '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">';
const escaped = '<EncodingType>url</EncodingType>';

function page(...parts: readonly string[]): string {
  return `${head}${parts.join('')}</ListBucketResult>`;
}

function object(key: string, size = '7'): string {
  return `<Contents><Key>${key}</Key><ETag>&quot;e&quot;</ETag><Size>${size}</Size><Owner><ID>x</ID></Owner></Contents>`;
}

describe('a page of objects', () => {
  test('is read with its keys, sizes and tags', () => {
    const text = page(
      '<Name>b</Name><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>',
      object('a'),
      object('b/c', '0'),
    );
    expect(listingIn(text)).toEqual({
      kind: 'page',
      objects: [
        { key: 'a', bytes: 7, etag: '"e"' },
        { key: 'b/c', bytes: 0, etag: '"e"' },
      ],
      next: null,
    });
  });

  test('says where it goes on', () => {
    const text = page('<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>');
    expect(listingIn(text)).toEqual({ kind: 'page', objects: [], next: 't&1' });
  });

  test.each([
    ['a%2Bb+c%26', 'a+b c&'],
    ['%C3%A9/%23', 'é/#'],
  ])('unescapes the key %s', (written, key) => {
    expect(listingIn(page(escaped, object(written)))).toMatchObject({ objects: [{ key }] });
  });

  test('takes keys as they are when the server does not escape them', () => {
    expect(listingIn(page(object('100%+&lt;1&gt;')))).toMatchObject({ objects: [{ key: '100%+<1>' }] });
  });
});

describe('a damaged page', () => {
  test.each([
    ['another document', '<Error><Code>AccessDenied</Code></Error>', 'its root is no ListBucketResult'],
    ['a page of HTML', '<!doctype html><p>Not here<br>', expect.any(String)],
    ['an empty text', '', expect.any(String)],
    ['a page that was cut', page(object('a')).slice(0, -30), expect.any(String)],
    ['an object without a size', page('<Contents><Key>a</Key></Contents>'), expect.stringContaining('without a size')],
    ['a negative size', page(object('a', '-1')), expect.stringContaining('without a size')],
    ['a key that is no UTF-8', page(escaped, object('%FF')), expect.stringContaining('key in UTF-8')],
    ['a page without the next one', page('<IsTruncated>true</IsTruncated>'), expect.stringContaining('goes on')],
  ])('is refused: %s', (_what, text, problem) => {
    expect(listingIn(text)).toEqual({ kind: 'malformed', problem });
  });
});
