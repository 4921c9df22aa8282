/** Wherever a secret stands in an object or a log, it is not in the archive. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { logWithoutSecrets, withoutSecrets } from '../../../src/cli/cluster/support-redaction.js';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.split('');
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.split('');
const text = (alphabet: readonly string[], length: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length }).map((all) => all.join(''));
const any = text(letters, 24);

/** Secrets that their form shows: the text they stand in, and what must be gone. */
const formed: fc.Arbitrary<{ readonly text: string; readonly secret: string }> = fc.oneof(
  text(base32, 56).map((rest) => ({ text: `SU${rest}`, secret: rest })),
  fc.tuple(any, any, any).map(([a, b, c]) => ({ text: `eyJ${a}.${b}.${c}`, secret: c })),
  any.map((secret) => ({ text: `nats://user:${secret}@nats:4222`, secret })),
  any.map((secret) => ({ text: `Authorization: Bearer ${secret}`, secret })),
  any.map((secret) => ({ text: `--password=${secret}`, secret })),
  any.map((secret) => ({ text: `token: ${secret}`, secret })),
  text(base32, 16).map((secret) => ({ text: `AKIA${secret}`, secret })),
  any.map((secret) => ({ text: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`, secret })),
);

/** Secrets that only their name shows. */
const named = fc
  .tuple(
    fc.constantFrom('AWS_SECRET_ACCESS_KEY', 'DB_PASSWORD', 'apiToken', 'NATS_SEED', 'client.creds', 'private_key'),
    any,
  )
  .map(([name, secret]) => ({ name, secret }));

const place = (value: unknown): fc.Arbitrary<unknown> =>
  fc.constantFrom(
    { spec: { template: { spec: { containers: [{ name: 'worker', args: [value] }] } } } },
    { metadata: { annotations: { 'example.com/note': value } } },
    { status: { conditions: [{ type: 'Failed', message: value }] } },
    { data: { 'job.json': value } },
    [{ a: [[value]] }],
  );

test('a secret that has the form of one is gone from every place of an object', () => {
  fc.assert(
    fc.property(
      formed.chain((one) => fc.tuple(place(`before ${one.text} after`), fc.constant(one.secret))),
      ([object, secret]) => {
        expect(JSON.stringify(withoutSecrets(object))).not.toContain(secret);
      },
    ),
  );
});

test('a secret that only its name shows is gone as a variable, a field and an annotation', () => {
  fc.assert(
    fc.property(named, ({ name, secret }) => {
      const object = {
        metadata: { annotations: { [name]: secret } },
        spec: { containers: [{ env: [{ name, value: secret }] }], [name]: { deep: [secret] } },
      };
      expect(JSON.stringify(withoutSecrets(object))).not.toContain(secret);
    }),
  );
});

test('of a Secret only names and sizes remain, also within a list and as kubectl applied it', () => {
  fc.assert(
    fc.property(any, any, (value, key) => {
      const data = { [`key-${key}`]: Buffer.from(value).toString('base64') };
      const applied = JSON.stringify({ kind: 'Secret', data });
      const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': applied };
      const secret = { kind: 'Secret', metadata: { name: 'login', annotations }, data };
      const left = JSON.stringify(withoutSecrets({ kind: 'List', items: [secret] }));
      expect(left).not.toContain(data[`key-${key}`]);
      expect(left).not.toContain(value);
      expect(left).toContain(`key-${key}`);
      expect(left).toContain('24 bytes');
    }),
  );
});

test('a secret is gone from a log', () => {
  fc.assert(
    fc.property(
      formed.filter((one) => !one.text.includes('\n')),
      (one) => {
        expect(logWithoutSecrets(`{"msg":"a"}\n2026 ${one.text} end\nlast`)).not.toContain(one.secret);
      },
    ),
  );
});

test('what is no secret stays as it is', () => {
  const object = {
    spec: {
      training: { seed: 7 },
      teacher: {
        tokenizer: { uri: 'file:///models/tokenizer.json', maxTokens: 64 },
        model: { uri: 's3://bucket/teacher.onnx' },
      },
      student: { model: { secretRef: { name: 'bucket-login' } } },
    },
    status: { phase: 'Running', progress: { step: 3 } },
  };
  expect(withoutSecrets(object)).toEqual(object);
});
