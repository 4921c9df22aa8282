/** Options and help of `distill init`. */
import { resolve } from 'node:path';

import { omit } from '@distillery/base';
import { datasetFormats } from '@distillery/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';

import { CliError } from '../shared/cli-error.js';
import type { Ending } from '../shared/exit.js';

import type { InitNeeds } from './init.js';
import type { Asked } from './request.js';

export type { InitNeeds } from './init.js';

interface Flags {
  readonly data?: string;
  readonly format?: string;
  readonly teacher?: string;
  readonly tokenizer?: string;
  readonly label?: string;
  readonly input?: readonly string[];
  readonly task?: string;
  readonly answer?: string;
  readonly pixels?: string;
  readonly layout?: string;
  readonly size?: { readonly height: number; readonly width: number };
  readonly student?: string;
  readonly output?: string;
}

/**
 * @param open makes what the command takes; making it loads its libraries
 * @param ended is called with how the command ends
 */
export function addInitCommand(root: Command, open: () => Promise<InitNeeds>, ended: (ending: Ending) => void): void {
  root
    .command('init')
    .description('write a commented job for the teacher and the data that lie in a folder')
    .argument('[folder]', 'with the teacher and the data, or where the job goes', '.')
    .option('--data <path>', 'the data set: a file or folder (default: what fits the teacher)')
    .addOption(
      new Option('--format <format>', 'how the data are stored (default: by names and content)').choices(
        datasetFormats,
      ),
    )
    .option('--teacher <file>', 'an .onnx file, model.json of TensorFlow.js, or saved_model.pb (default: the only one)')
    .option('--tokenizer <file>', "the teacher's tokenizer.json (default: the one beside it)")
    .option('--label <column>', 'column of the labels; none = learn from the teacher alone')
    .option('--input <columns>', 'columns that the teacher takes, with commas between them', columnNames)
    .addOption(
      new Option('--task <task>', "what the teacher's numbers are").choices(['classes', 'embedding', 'numbers']),
    )
    .option('--answer <output>', "which of the teacher's outputs is distilled")
    .addOption(
      new Option('--pixels <range>', 'values of pixels that the teacher was trained on').choices([
        '0..1',
        '0..255',
        '-1..1',
        'imagenet',
      ]),
    )
    .addOption(
      new Option('--layout <layout>', 'order of the axes of pictures, where the shape leaves it open').choices([
        'NCHW',
        'NHWC',
      ]),
    )
    .option('--size <size>', 'height and width at which the student sees pictures, as in 64x64', sizeOf)
    .option('--student <preset>', "as in 'cnn-tiny?filters=16,32', or a model.json (default: one that fits)")
    .option('--output <file>', 'the job (default: job.yaml in the folder); a file that exists stays')
    .addHelpText('after', initHelp)
    .action(async (folder: string, flags: Flags) => {
      const { output } = flags;
      const [needs, { init }] = await Promise.all([open(), import('./init.js')]);
      ended(await init({ folder, asked: askedBy(flags), ...(output === undefined ? {} : { output }) }, needs));
    });
}

const initHelp = `
It opens the data, lets the teacher answer some of them, and writes each choice with the reason for it. What the files
leave open is asked on a terminal; elsewhere the command ends with 2 and names the option.
  $ distill init
  $ distill init --data photos --teacher classifier.onnx --pixels imagenet
  $ distill init texts --label none --output texts/without-labels.yaml`;

function askedBy(flags: Flags): Asked {
  const { data, teacher, tokenizer, input, student, ...plain } = omit(flags, 'output');
  const paths: Readonly<Record<string, string | undefined>> = { data, teacher, tokenizer };
  return {
    ...plain,
    ...Object.fromEntries(
      Object.entries(paths).flatMap(([name, path]) =>
        path === undefined ? [] : [[name, localPath(`--${name}`, path)] as const],
      ),
    ),
    ...(input === undefined ? {} : { inputs: input }),
    ...(student === undefined ? {} : { student: student.endsWith('.json') ? resolve(student) : student }),
  };
}

/** @throws CliError: remote places are not read */
function localPath(option: string, path: string): string {
  if (!/^[a-z0-9]+:\/\//i.test(path)) return resolve(path);
  throw new CliError('usage', {
    about: `${option} ${path}`,
    problem: 'distill init reads files on this machine',
    remedy: 'name a copy of some of it, and write the uri into the job afterwards',
  });
}

/** @throws InvalidArgumentError */
function columnNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) throw new InvalidArgumentError('expected names with commas between them.');
  return names;
}

const largestSide = 4_096;

/** @throws InvalidArgumentError */
function sizeOf(text: string): { readonly height: number; readonly width: number } {
  const [, height, width] = /^([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  const size = { height: Number(height), width: Number(width) };
  if (size.height <= largestSide && size.width <= largestSide) return size;
  throw new InvalidArgumentError('expected height and width of at most 4096, as in 64x64.');
}
