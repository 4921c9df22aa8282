/** What the commands share in their options. It imports little: every command loads it. */
import { type Command, InvalidArgumentError, Option } from 'commander';

/** A value of an option, such as `--slots 2`. @throws InvalidArgumentError */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/** Adds the options of a command that reads the results of a job in a bucket: `credentials`, `s3Endpoint`. */
export function withBucketOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--credentials <from>',
        'who reads a bucket (s3://): the Secret that the job names, or the variables of AWS in your environment',
      )
        .choices(['job', 'environment'])
        .default('job'),
    )
    .option(
      '--s3-endpoint <url>',
      "address of the bucket's server from here (default: the one that the credentials name)",
    );
}
