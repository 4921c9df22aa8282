import { describe, expect, it } from '@jest/globals';

import {
  doctorLines,
  type Finding,
  findingsOf,
  type MachineFacts,
  machineFacts,
} from '../../../../src/cli/local/doctor.js';

const whole: MachineFacts = {
  node: '24.21.0',
  platform: 'linux',
  arch: 'x64',
  cores: 2,
  processor: 'Some CPU',
  cpuFlags: new Set(['sse4_1', 'avx', 'avx2']),
  memoryBytes: 8 * 2 ** 30,
  freeBytes: 2 ** 30,
  namesNats: false,
  programs: new Set(['python3', 'npm', 'tar', 'g++']),
  cachedNats: ['nats-server-2.14.5'],
  nativeFolder: '/cache/tensorflow',
  nativeBuilt: true,
  cudaBuilt: false,
  hasNvidia: false,
};
const finding = (part: string, given: Partial<MachineFacts>): Finding | undefined =>
  findingsOf({ ...whole, ...given }).find((one) => one.part === part);

describe('distill doctor', () => {
  it('finds nothing missing on a machine that has all', () => {
    expect(findingsOf(whole).filter(({ state }) => state === 'missing')).toEqual([]);
    expect(doctorLines(findingsOf(whole))).toContain('processor       Some CPU, 2 cores, SSE41 AVX AVX2');
  });

  it.each<[string, Partial<MachineFacts>, string, string]>([
    ['not built', { nativeBuilt: false }, 'not built', 'run `npm run native` in the repository'],
    [
      'not built, and programs are missing',
      { nativeBuilt: false, programs: new Set(['npm', 'tar']) },
      'not built',
      'install python3 and g++, then run `npm run native` in the repository',
    ],
    ['switched off', { nativeBuilt: false, nativeFolder: null }, 'says that there is none', 'unset it'],
    ['on another system', { nativeBuilt: false, platform: 'darwin' }, 'linux on x64 alone', 'students use wasm'],
    ['too new for the processor', { cpuFlags: new Set(['sse4_1']) }, 'lacks AVX', 'students use wasm'],
  ])('says of a native runtime that is %s what to do', (_what, given, text, remedy) => {
    const found = finding('runtime native', given);
    expect(found).toMatchObject({ state: 'missing', text: expect.stringContaining(text) });
    expect(found?.remedy).toContain(remedy);
  });

  it.each<[string, Partial<MachineFacts>, Partial<Finding>]>([
    ['no driver', {}, { state: 'info', text: 'no driver of NVIDIA is here, and none is needed' }],
    ['a build without a driver', { cudaBuilt: true }, { state: 'info' }],
    ['a driver and a build', { hasNvidia: true, cudaBuilt: true }, { state: 'ok' }],
    [
      'a driver alone',
      { hasNvidia: true },
      { state: 'missing', remedy: 'run `npm run native -- --cuda` in the repository (4.3 GB)' },
    ],
    ['a driver on another processor', { hasNvidia: true, arch: 'arm64' }, { state: 'info', remedy: '' }],
  ])('says of a machine with %s what students can use', (_what, given, expected) => {
    expect(finding('runtime cuda', given)).toMatchObject(expected);
  });

  it('never prints the address of a server, which may hold a login', () => {
    const environment = { DISTILL_NATS_URL: 'nats://me:secret@host', PATH: '/nowhere' };
    const lines = doctorLines(findingsOf(machineFacts(environment, null))).join();
    expect(lines).toContain('the one that DISTILL_NATS_URL names');
    expect(lines).not.toMatch(/secret|host/);
  });

  it('says what the first run does without a server', () => {
    expect(finding('nats-server', { cachedNats: [] })?.remedy).toContain('the first run installs one');
  });
});
