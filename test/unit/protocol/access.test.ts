/** How access to NATS is carried: in a Secret, in a .creds file, in an address. */
import {
  accessFromSecret,
  accessToSecret,
  type NatsAccess,
  parseCreds,
  type WorkerRole,
  workerRoles,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

const url = 'tls://nats:4222';
const everyRole = (of: (role: WorkerRole) => NatsAccess): Record<WorkerRole, NatsAccess> => ({
  teacher: of('teacher'),
  student: of('student'),
  reader: of('reader'),
});

describe("a job's Secret", () => {
  const withCreds = everyRole((role) => ({ kind: 'creds', url, creds: `of the ${role}` }));
  const withPasswords = everyRole((role) => ({ kind: 'password', url, user: role, password: `of the ${role}` }));

  test('holds the certificates that all roles share, and gives them to each', () => {
    const tls = { ca: 'an authority', cert: 'a certificate', key: 'its key' };
    const data = accessToSecret(everyRole((role) => ({ ...withCreds[role], tls })));
    expect(data).toEqual({
      ...accessToSecret(withCreds),
      'nats-ca.crt': 'an authority',
      'nats-client.crt': 'a certificate',
      'nats-client.key': 'its key',
    });
    expect(accessFromSecret(data, 'reader')).toEqual({ ...withCreds.reader, tls });
    const onlyCa = accessToSecret(everyRole((role) => ({ ...withPasswords[role], tls: { ca: tls.ca } })));
    expect(accessFromSecret(onlyCa, 'teacher')).toEqual({ ...withPasswords.teacher, tls: { ca: tls.ca } });
  });

  test('has a key for each role, and the address', () => {
    expect(accessToSecret(withCreds)).toEqual({
      url,
      'teacher.creds': 'of the teacher',
      'student.creds': 'of the student',
      'reader.creds': 'of the reader',
    });
    expect(Object.keys(accessToSecret(withPasswords)).sort()).toEqual([
      'reader.password',
      'reader.user',
      'student.password',
      'student.user',
      'teacher.password',
      'teacher.user',
      'url',
    ]);
  });

  test.each([
    ['credentials', withCreds],
    ['passwords', withPasswords],
  ])('gives back what was put in: %s', (_, access) => {
    for (const role of workerRoles) expect(accessFromSecret(accessToSecret(access), role)).toEqual(access[role]);
  });

  test.each([
    ['an empty one', {}],
    ['one without an address', { 'reader.creds': 'x' }],
    ['one of other roles', { url, 'student.creds': 'x' }],
    ['one without a password', { url, 'reader.user': 'x' }],
  ])('says nothing when it is %s', (_, data) => {
    expect(accessFromSecret(data, 'reader')).toBeNull();
  });
});

describe('a .creds file', () => {
  const text = (jwt: string): string =>
    `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\n` +
    '-----BEGIN USER NKEY SEED-----\nSUSEED\n------END USER NKEY SEED------\n';

  test('holds a JWT and a seed', () => {
    expect(parseCreds(text('a.b.c'))).toEqual({ jwt: 'a.b.c', seed: 'SUSEED' });
  });

  test.each([
    ['nothing', ''],
    ['a JWT alone', 'a.b.c'],
    ['its first half', text('a.b.c').slice(0, 80)],
    ['no JWT', text('a.b')],
    ['the line ends of another system, which the client does not read', text('a.b.c').replaceAll('\n', '\r\n')],
  ])('is none when it holds %s', (_, content) => {
    expect(parseCreds(content)).toBeNull();
  });
});
