/** Tracing that is off costs nothing: no process loads OpenTelemetry, and no message has a header. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, expect, test } from '@jest/globals';

import { program } from '../../kit/programs.js';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'distill-tracing-off-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Prints every module of OpenTelemetry that is loaded; `@opentelemetry/api` alone is what prom-client asks for. */
const hooks = join(folder, 'hooks.mjs');
writeFileSync(
  hooks,
  `import { registerHooks } from 'node:module';
   registerHooks({
     load(url, context, next) {
       const name = /@opentelemetry\\/[a-z-]+/.exec(url)?.[0];
       if (name !== undefined) process.stderr.write('loaded ' + name + '\\n');
       return next(url, context);
     },
   });`,
);

/** @returns the packages of OpenTelemetry that Node loads for a program */
function loadedBy(args: readonly string[], environment: Record<string, string>): string[] {
  const { PATH = '' } = process.env;
  const { stderr } = spawnSync(process.execPath, ['--import', pathToFileURL(hooks).href, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH, ...environment },
  });
  return [...new Set(Array.from(stderr.matchAll(/^loaded (.*)$/gm), ([, name = '']) => name))].sort();
}

const open = (settings: string): string =>
  `const { openTracer } = await import('./packages/tracing/dist/index.js');
   const log = { info() {}, warn() {} };
   const tracer = await openTracer({ settings: ${settings}, service: 's', instance: 'i', log });
   process.exit(tracer === null ? 0 : 1);`;

test('without a collector nothing of OpenTelemetry is loaded', () => {
  expect(loadedBy(['--input-type=module', '-e', open('null')], {})).toEqual([]);
});

test('with one it is: the hooks would show it', () => {
  const settings = "{ endpoint: 'http://127.0.0.1:1', ratio: 1 }";
  expect(loadedBy(['--input-type=module', '-e', open(settings)], {})).toContain('@opentelemetry/sdk-trace');
});

test.each(['workers/student/main', 'workers/teacher/main', 'src/cli/main'])(
  '%s loads nothing of it at its start',
  (name) => {
    expect(loadedBy([program(name)], {})).toEqual([]);
  },
);

test('the operator loads what prom-client asks for, and no more', () => {
  expect(loadedBy([program('src/operator/main')], {}).filter((name) => name !== '@opentelemetry/api')).toEqual([]);
});
