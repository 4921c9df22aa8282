/** Completion in the shells that this machine has: what a person is offered after a TAB. */
import { execFileSync, spawnSync } from 'node:child_process';

import { describe, expect, test } from '@jest/globals';
import { Argument, Command, Option } from 'commander';

import { completionScript, type Shell, shells } from '../../../../src/cli/completion/scripts.js';
import { completionTree } from '../../../../src/cli/completion/tree.js';

function program(name = 'distill'): Command {
  const root = new Command(name);
  root
    .command('status')
    .description("one page: it's [all] $(touch x) `y`")
    .argument('<job>', 'name')
    .option('-n, --namespace <name>', 'the namespace')
    .option('--kubeconfig <file>', 'which: kubeconfig')
    .addOption(new Option('-o, --output <form>', 'the form').choices(['page', 'json']));
  root.command('run').argument('[file]', 'a job').option('--json', 'for machines', false);
  root.command('completion').addArgument(new Argument('<shell>', 'which').choices([...shells]));
  return root;
}

const has = (shell: Shell): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** @param words of the command line; the last one is being typed */
function bashOffers(words: readonly string[], name = 'distill'): string[] {
  const script = completionScript('bash', completionTree(program(name)));
  const file = name.replace(' ', '-');
  const run = `${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${String(words.length - 1)}
compopt() { :; }
_${file.replace('-', '_')} && printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-uc', run], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

describe('bash', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['commands', ['distill', ''], ['status', 'run', 'completion', 'help', '--help', '--version']],
    ['commands that begin so', ['distill', 'st'], ['status']],
    ['options of the command', ['distill', 'status', '--o'], ['--output']],
    ['choices of an option', ['distill', 'status', 'mnist', '-o', 'j'], ['json']],
    ['choices of an argument', ['distill', 'completion', ''], ['bash', 'zsh', 'fish']],
    ['nothing for the name of a job', ['distill', 'status', ''], []],
  ])('offers %s', (_, words, want) => {
    expect(bashOffers(words)).toEqual(want);
  });

  test('knows kubectl distill as the program that kubectl starts', () => {
    expect(bashOffers(['kubectl-distill', 'st'], 'kubectl distill')).toEqual(['status']);
    expect(completionScript('bash', completionTree(program('kubectl distill')))).toContain(
      'complete -F _kubectl_distill kubectl-distill',
    );
  });
});

describe.each(['zsh', 'fish'] as const)('%s', (shell) => {
  const script = completionScript(shell, completionTree(program()));

  test('names every command and option', () => {
    for (const word of ['status', 'run', 'completion', 'namespace', 'output', 'kubeconfig', 'json']) {
      expect(script).toContain(word);
    }
  });

  test('quotes descriptions', () => {
    expect(script).toContain(String.raw`it'\''s`);
  });
});

// Of the shells that this machine has; bash is always among them.
for (const shell of shells.filter(has)) {
  test(`${shell} reads its script without an error`, () => {
    execFileSync(shell, ['-n'], { input: completionScript(shell, completionTree(program())) });
  });
}

const offersOfFish = (): void => {
  const script = completionScript('fish', completionTree(program()));
  const offers = (line: string): string[] =>
    execFileSync('fish', ['--no-config', '-c', `${script}\ncomplete -C '${line}'`], { encoding: 'utf8' })
      .split('\n')
      .map((offer) => offer.split('\t')[0] ?? '')
      .filter((offer) => offer !== '');
  expect(offers('distill st')).toEqual(['status']);
  expect(offers('distill status -o ')).toEqual(['json', 'page']);
};
if (has('fish')) test('fish offers commands and choices', offersOfFish);
