/** The help of the whole program. */
import { alternatives } from '@distillery/base';
import { runtimeNames } from '@distillery/protocol';

const exitCodesText = `Exit codes:
    0  done                                  69  no NATS or API server; Node.js too old
    1  the job failed                        74  disk full, or a folder cannot be written
    2  the command line is wrong            130  stopped by Ctrl-C (143 by SIGTERM): resumable
   65  the job, data, model or path is wrong 141  output closed (SIGPIPE): resumable`;

/** The text below the help of `distill` and of its larger commands. */
export const helpAfter = `
Examples:
  $ distill init my-project                           write a commented job for your teacher and data
  $ distill run examples/mnist/job.yaml               distill on this machine, with a live view
  $ distill run job.yaml --baseline                   also train the same student on labels alone
  $ distill run --resume runs/mnist-20261124-101500   resume a stopped run
  $ distill run job.yaml --json | jq .                one JSON object a line, for machines
  $ distill slots 2                                   limit the running job to two teachers
  $ distill report runs/mnist-20261124-101500         write the report of a run as one HTML file
  $ distill validate job.yaml                         list every problem, with its remedy
  $ distill models                                    list the preset student models
  $ distill simulate day.json                         compare ways of scaling on a simulated cluster
  $ distill status mnist -n team-a -w                 watch a job of a cluster
  $ distill plan                                      explain how many teachers each job of a cluster gets
  $ distill fetch mnist -n team-a -o model            copy the model of a finished job from a cluster

${exitCodesText}

Environment:
  DISTILL_NATS_URL   use this running NATS server (2.10 or newer, with JetStream) instead of starting one
  DISTILL_RUNTIME    what computes the models: auto (the default), ${alternatives(runtimeNames)}`;

/** The text below the help of `kubectl distill`. */
export const pluginHelpAfter = `
Examples:
  $ kubectl distill status mnist -n team-a -w         watch a job
  $ kubectl distill logs mnist -f                     what its processes log, merged by time
  $ kubectl distill top -A                            who holds which slots
  $ kubectl distill scale mnist --pool gpu --max 8    let a pool have up to eight teachers
  $ kubectl distill fetch mnist -o model              copy the model of a finished job

The command \`distill\` of the npm package also runs jobs on this machine.

${exitCodesText}`;
