/** What the command and the process behind it say to each other (workers/init/main.ts). */
import { workerExitCodes } from '@distillery/protocol';
import { z } from 'zod';

/** What the person said, by the names of the process. Paths are absolute. */
export type Asked = Readonly<
  Record<string, string | readonly string[] | { readonly height: number; readonly width: number }>
>;

export interface InitRequest {
  readonly folder: string;
  /** The folder of the job's file. */
  readonly jobFolder: string;
  readonly runtime: string;
  /** A build of TensorFlow; null = none. */
  readonly nativeFolder: string | null;
  readonly asked: Asked;
}

/** Options that answer a question, by the name that the process has for them. */
export const optionOf = {
  data: '--data',
  format: '--format',
  teacher: '--teacher',
  tokenizer: '--tokenizer',
  label: '--label',
  inputs: '--input',
  task: '--task',
  answer: '--answer',
  pixels: '--pixels',
  layout: '--layout',
  size: '--size',
  student: '--student',
} as const;
export type AskedName = keyof typeof optionOf;
/** Answers that are paths. */
export const pathNames: ReadonlySet<AskedName> = new Set(['data', 'teacher', 'tokenizer']);

const questionSchema = z.object({
  option: z.enum(Object.keys(optionOf) as [AskedName, ...AskedName[]]),
  what: z.string(),
  why: z.string(),
  choices: z.array(z.object({ value: z.string(), words: z.string() })).min(1),
});
export type Question = z.infer<typeof questionSchema>;

type WorkerEnding = keyof typeof workerExitCodes;
const endings = Object.keys(workerExitCodes) as [WorkerEnding, ...WorkerEnding[]];

const replySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), text: z.string(), summary: z.array(z.tuple([z.string(), z.string()])) }),
  z.object({ kind: z.literal('ask'), question: questionSchema }),
  z.object({ kind: z.literal('refuse'), sentence: z.string(), ending: z.enum(endings) }),
]);
export type InitReply = z.infer<typeof replySchema>;

/** @throws SyntaxError, ZodError for a line that is no reply: a fault of the program */
export function readReply(line: string): InitReply {
  return replySchema.parse(JSON.parse(line));
}
