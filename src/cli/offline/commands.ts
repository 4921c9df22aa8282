/** Options and help of the commands that need neither workers nor a cluster: validate, models and simulate. */
import { type Command, InvalidArgumentError, Option } from 'commander';

import type { Engine } from '../../api/index.js';
import { policies } from '../../simulate/index.js';

import type { Ending } from '../shared/exit.js';
import { inputName, type ReadInput } from '../shared/input.js';
import { JobRefused } from '../shared/job-refused.js';
import { positiveInteger } from '../shared/options.js';
import type { StopRequest } from '../shared/stop.js';
import type { Terminal } from '../shared/standard-output.js';

import { defaultOperatorSettings, readOperatorSettings } from './operator-settings.js';
import { inputSizes, modelOutputs, models, type ModelsRequest } from './models.js';
import { progressLine } from './progress-line.js';
import { simulate } from './simulate.js';
import { validated } from './validate.js';

export interface OfflineNeeds {
  readonly readInput: ReadInput;
  readonly say: (line: string) => void;
  readonly terminal: Terminal;
  readonly nowMs: () => number;
  readonly stop: StopRequest;
}

interface ValidateFlags {
  readonly engine?: Engine;
  readonly operatorSettings?: string;
  readonly namespace: string;
}

interface SimulateFlags {
  readonly parameters?: string;
  readonly policy: readonly string[];
  readonly seed: number;
  readonly json: boolean;
}

/** @param ended is called when a stop ends `distill simulate` */
export function addOfflineCommands(root: Command, needs: OfflineNeeds, ended: (ending: Ending) => void): void {
  root
    .command('validate')
    .description('check every DistillJob of a file, for a local run and for a cluster: all problems at once')
    .argument('<file>', 'what kubectl apply takes: YAML or JSON, several documents, lists; - = standard input')
    .addOption(new Option('--engine <engine>', 'check for this one only').choices(['local', 'cluster']))
    .option(
      '--operator-settings <file>',
      "the operator's limits as NAME=VALUE lines (default: no limits; an operator may have some)",
    )
    .option('-n, --namespace <name>', 'whose limits hold for a job that names no namespace', 'default')
    .addHelpText('after', validateHelp)
    .action((file: string, flags: ValidateFlags) => validateFile(file, flags, needs));
  root
    .command('models')
    .description('list the preset student models, or show the layers of one')
    .argument('[preset]', "a preset and its parameters, as in 'mlp?hidden=64,32' (default: list all)")
    .option('--input <sizes>', 'of one sample: 28x28x1 for images, 64 for texts of 64 tokens', sizesOfInput)
    .option('--outputs <n>', 'number of logits', positiveInteger)
    .addOption(
      new Option('-o, --output <form>', 'topology: a model.json to start your own model from')
        .choices(modelOutputs)
        .default('text'),
    )
    .addHelpText('after', modelsHelp)
    .action((preset: string | undefined, options: Omit<ModelsRequest, 'preset'>) => {
      needs.say(models({ ...options, ...(preset === undefined ? {} : { preset }) }));
    });
  root
    .command('simulate')
    .description('compare ways of scaling teachers on a simulated cluster, made up or from a log (docs/simulator.md)')
    .argument('[trace...]', 'a file of parameters; or a folder with, or the two files of, a node and a pod list')
    .option('--parameters <file>', 'jobs, teachers and hours for the lists of a log')
    .option('--policy <names...>', `which of ${Object.keys(policies).join(', ')} (default: all)`, [])
    .option('--seed <n>', 'of everything that is random', positiveInteger, 1)
    .option('--json', 'one JSON object', false)
    .addHelpText('after', simulateHelp)
    .action(async (trace: string[], options: SimulateFlags) => {
      const { terminal, stop, nowMs, readInput } = needs;
      const shown = progressLine(terminal, nowMs);
      await simulate(
        { ...options, trace },
        {
          say: (line) => shown.keep(line),
          progress: options.json ? () => undefined : shown.replace,
          readInput,
          stop: stop.signal,
        },
      );
      if (stop.signal.aborted) ended(stop.ending);
    });
}

const validateHelp = `
An operator may limit the weight, minReplicas, maxBytes and ttlSecondsAfterFinished of a job, and what its templates may
name. Without --operator-settings, a job is checked as for an operator with default settings. An administrator can save
the settings of an operator:
  $ kubectl -n NAMESPACE set env deployment/distillery --list > operator.env
  $ distill validate job.yaml --operator-settings operator.env
The job is then checked for that cluster alone.`;

const simulateHelp = `
Examples:
  $ distill simulate day.json
  $ distill simulate trace/ --parameters jobs.json --policy distillery keda`;

const modelsHelp = `
A job names a preset as student.model.uri: preset://NAME?PARAMETER=VALUE. The data set decides the shape of the input and
the number of outputs; here they come from --input and --outputs.
  $ distill models cnn-tiny --input 32x32x3 --outputs 10
  $ distill models 'cnn-tiny?filters=32,64&dense=0' --input 32x32x3 -o topology > student.json`;

/** @throws InvalidArgumentError */
function sizesOfInput(text: string): readonly number[] {
  const sizes = inputSizes(text);
  if (sizes === undefined) throw new InvalidArgumentError('expected sizes such as 28x28x1.');
  return sizes;
}

/** @throws CliError */
async function validateFile(
  file: string,
  { engine, operatorSettings: from, namespace }: ValidateFlags,
  { readInput, say }: OfflineNeeds,
): Promise<void> {
  // The settings of an operator concern a cluster only.
  const wanted = engine ?? (from === undefined ? undefined : 'cluster');
  const settings =
    from === undefined ? defaultOperatorSettings : readOperatorSettings(await readInput(from), inputName(from));
  const { lines, problems } = validated(await readInput(file), file, wanted, { settings, namespace });
  for (const line of lines) say(line);
  if (problems.length > 0) throw new JobRefused(problems);
}
