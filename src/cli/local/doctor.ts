/**
 * `distill doctor`: what this machine has for a run, and what to do about the rest. It reads files and starts nothing.
 * Facts are gathered by `machineFacts`; what they mean is decided by `findingsOf`, which is pure.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, freemem, platform, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';

import { nativeBuildFile, nativeCudaFolder, nativeFolderName } from '@distillery/protocol';

export interface MachineFacts {
  readonly node: string;
  /** As `process.platform` and `process.arch`. */
  readonly platform: string;
  readonly arch: string;
  readonly cores: number;
  readonly processor: string;
  /** Flags of /proc/cpuinfo; empty where there is no such file. */
  readonly cpuFlags: ReadonlySet<string>;
  readonly memoryBytes: number;
  readonly freeBytes: number;
  /** `DISTILL_NATS_URL` is set. It may hold a login: its value is never printed. */
  readonly namesNats: boolean;
  /** Programs on PATH, by name. */
  readonly programs: ReadonlySet<string>;
  /** Names of installed servers in the cache folder. */
  readonly cachedNats: readonly string[];
  /** Where the runtime `native` is looked for; null = nowhere. */
  readonly nativeFolder: string | null;
  readonly nativeBuilt: boolean;
  /** It is, with what NVIDIA devices need. */
  readonly cudaBuilt: boolean;
  readonly hasNvidia: boolean;
}

export interface Finding {
  readonly part: string;
  readonly state: 'ok' | 'missing' | 'info';
  readonly text: string;
  /** What to do; empty where nothing is to be done. */
  readonly remedy: string;
}

/** What a build of the runtime `native` calls (scripts/native). */
const buildPrograms = ['python3', 'npm', 'tar', 'g++'] as const;
const looked = ['nats-server', 'go', ...buildPrograms];

export function machineFacts(environment: NodeJS.ProcessEnv, cacheFolder: string | null): MachineFacts {
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const given = environment.DISTILL_NATIVE_FOLDER ?? '';
  const own = cacheFolder === null ? null : join(cacheFolder, nativeFolderName);
  const nativeFolder = given === '' ? own : given === 'none' ? null : given;
  const nativeBuilt = nativeFolder !== null && existsSync(join(nativeFolder, nativeBuildFile));
  return {
    node: process.versions.node,
    platform: platform(),
    arch: arch(),
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? '',
    cpuFlags: new Set((/^flags\s*:(.*)$/m.exec(textOf('/proc/cpuinfo'))?.[1] ?? '').trim().split(' ')),
    memoryBytes: totalmem(),
    freeBytes: freemem(),
    namesNats: (environment.DISTILL_NATS_URL ?? '') !== '',
    programs: new Set(looked.filter((name) => folders.some((folder) => existsSync(join(folder, name))))),
    cachedNats: namesIn(cacheFolder).filter((name) => name.startsWith('nats-server-')),
    nativeFolder,
    nativeBuilt,
    cudaBuilt: nativeBuilt && existsSync(join(nativeFolder, nativeCudaFolder)),
    hasNvidia: existsSync('/proc/driver/nvidia'),
  };
}

export function findingsOf(facts: MachineFacts): readonly Finding[] {
  const ok = (part: string, text: string): Finding => ({ part, state: 'ok', text, remedy: '' });
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const { cores, processor, platform: system, arch: kind } = facts;
  return [
    ok('node', `${facts.node} on ${system}, ${kind}`),
    ok('processor', `${processor === '' ? 'unknown' : processor}, ${String(cores)} cores${sets(facts.cpuFlags)}`),
    ok('memory', `${gibibytes(facts.memoryBytes)}, ${gibibytes(facts.freeBytes)} free`),
    natsFinding(facts),
    nativeFinding(facts),
    ok('runtime wasm', 'here: it needs nothing but Node.js'),
    cudaFinding(facts),
  ];
}

function cudaFinding({ hasNvidia, cudaBuilt, platform: system, arch: kind }: MachineFacts): Finding {
  const part = 'runtime cuda';
  if (!hasNvidia) return { part, state: 'info', text: 'no driver of NVIDIA is here, and none is needed', remedy: '' };
  if (cudaBuilt) return { part, state: 'ok', text: 'TensorFlow for NVIDIA devices, and a driver', remedy: '' };
  const text = 'a driver of NVIDIA is here, and nothing that uses it';
  if (system !== 'linux' || kind !== 'x64') return { part, state: 'info', text, remedy: '' };
  return { part, state: 'missing', text, remedy: 'run `npm run native -- --cuda` in the repository (4.3 GB)' };
}

function natsFinding({ namesNats, programs, cachedNats }: MachineFacts): Finding {
  const found = (text: string): Finding => ({ part: 'nats-server', state: 'ok', text, remedy: '' });
  if (namesNats) return found('the one that DISTILL_NATS_URL names');
  if (programs.has('nats-server')) return found('on PATH');
  const [cached] = cachedNats;
  if (cached !== undefined) return found(`${cached}, in the cache folder`);
  const remedy = 'nothing: the first run installs one; without network put nats-server 2.10 or newer on PATH';
  return { part: 'nats-server', state: 'missing', text: 'none on this machine yet', remedy };
}

function nativeFinding({
  platform: system,
  arch: kind,
  programs,
  nativeFolder,
  nativeBuilt,
  cpuFlags,
}: MachineFacts): Finding {
  const missing = (text: string, remedy: string): Finding => ({
    part: 'runtime native',
    state: 'missing',
    text,
    remedy,
  });
  if (nativeBuilt && !cpuFlags.has('avx')) {
    return missing('it is built, and the processor lacks AVX', 'nothing: students use wasm, which is slower');
  }
  if (nativeBuilt)
    return { part: 'runtime native', state: 'ok', text: `TensorFlow, in ${nativeFolder ?? ''}`, remedy: '' };
  if (system !== 'linux' || kind !== 'x64')
    return missing('TensorFlow is built for linux on x64 alone', 'nothing: students use wasm');
  if (nativeFolder === null)
    return missing('DISTILL_NATIVE_FOLDER says that there is none', 'unset it, then run `npm run native`');
  const lacking = buildPrograms.filter((name) => !programs.has(name));
  const first = lacking.length === 0 ? '' : `install ${lacking.join(' and ')}, then `;
  return missing('not built: students use wasm, which is slower', `${first}run \`npm run native\` in the repository`);
}

function sets(flags: ReadonlySet<string>): string {
  const names = [
    ['sse4_1', 'SSE41'],
    ['avx', 'AVX'],
    ['avx2', 'AVX2'],
    ['avx512bw', 'AVX512_CORE'],
  ].flatMap(([flag = '', name = '']) => (flags.has(flag) ? [name] : []));
  return names.length === 0 ? '' : `, ${names.join(' ')}`;
}

/** Lines for people: the part, what is there, and what to do about what is not. */
export function doctorLines(findings: readonly Finding[]): readonly string[] {
  const width = Math.max(...findings.map(({ part }) => part.length)) + 2;
  return findings.flatMap(({ part, state, text, remedy }) => {
    const line = `${part.padEnd(width)}${state === 'missing' ? 'missing: ' : ''}${text}`;
    return remedy === '' ? [line] : [line, `${' '.repeat(width)}→ ${remedy}`];
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function namesIn(folder: string | null): readonly string[] {
  try {
    return folder === null ? [] : readdirSync(folder);
  } catch {
    return [];
  }
}
