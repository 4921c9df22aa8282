/** On a release of Node.js that its libraries do not support, `distill` ends with a sentence and without a stack. */
import { spawnSync } from 'node:child_process';

import { expect, test } from '@jest/globals';

import { exitCodes } from '../../../src/cli/shared/exit.js';
import { nodeProblem } from '../../../src/cli/shared/node-version.js';
import { distillProgram } from '../../kit/programs.js';

const pretend = (version: string): string =>
  `data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
const sentence = (version: string): string =>
  `distill: Node.js ${version} is too old; distill needs 24 or newer. Start it through npm, which brings the right release ` +
  '(npm run distill -- run job.yaml), or install that release.\n';

test.each(['18.20.4', '20.20.2', '23.11.1'])('Node.js %s is too old', (version) => {
  const args = ['--import', pretend(version), distillProgram, '--version'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: exitCodes.unavailable, stdout: '', stderr: sentence(version) });
});

test('this release runs it', () => {
  const { status, stderr } = spawnSync(process.execPath, [distillProgram, '--version'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

/** An older release often runs npm itself, and can be tried then. Otherwise this tries the current release again. */
test('the release that runs npm either runs it or is refused with the sentence', () => {
  const node = process.env.npm_node_execpath ?? process.execPath;
  const version = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.trim();
  const { status, stderr } = spawnSync(node, [distillProgram, '--version'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual(
    nodeProblem(version) === null
      ? { status: 0, stderr: '' }
      : { status: exitCodes.unavailable, stderr: sentence(version) },
  );
});
