/** The command line with which a person starts the next command. */
import { expect, test } from '@jest/globals';

import { ownCommand } from '../../../../src/cli/shared/own-command.js';

const shell = { startedBy: { kind: 'shell' }, path: '/usr/bin:/opt/bin', node: '/usr/bin/node' } as const;

test.each([
  ['on PATH', { ...shell, script: '/opt/bin/distill' }, 'distill'],
  ['installed elsewhere', { ...shell, script: '/my tools/distill' }, "'/my tools/distill'"],
  ['from its source', { ...shell, script: '/src/dist/src/cli/main.js' }, '/usr/bin/node /src/dist/src/cli/main.js'],
  ['through npm', { ...shell, startedBy: { kind: 'npmScript', prefix: null }, script: 'x' }, 'npm run distill --'],
  [
    'through npm from another folder',
    { ...shell, startedBy: { kind: 'npmScript', prefix: '/my src' }, script: 'x' },
    "npm --prefix '/my src' run distill --",
  ],
  ['through npx', { ...shell, startedBy: { kind: 'npx' }, script: 'x' }, 'npx distill'],
] as const)('a command %s is called the same way again', (_what, started, want) => {
  expect(ownCommand(started)).toBe(want);
});
