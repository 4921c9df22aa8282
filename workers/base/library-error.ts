/**
 * The border for errors of onnxruntime and tfjs: one line of bounded length. Their messages span pages, name source files
 * of the library, and quote whole model files (1.6 MB for a graph model); a log and a job's status carry none of that.
 */

const maxLength = 200;

/** The line that says what happened: without control characters, without quoted data, at most 200 characters. */
export function librarySentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Cut before the patterns run: a message may hold megabytes.
  const [line = ''] = message
    .slice(0, 4 * maxLength)
    .trim()
    .split(/[\r\n\u2028\u2029]/, 1);
  const sentence = withoutQuotedData(line)
    .replace(/[\p{Cc}\p{Cf}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^(Error|ValueError|TypeError|RangeError): /, '')
    .replace(/[\s:.,;]+$/, '')
    .trim();
  if (sentence === '') return 'an error without a message';
  return sentence.length <= maxLength ? sentence : `${sentence.slice(0, maxLength - 1)}…`;
}

/** Libraries quote a model as JSON, which starts with a brace before a quote, a bracket before a brace or a quote. */
function withoutQuotedData(line: string): string {
  const start = line.search(/\{\s*["'}]|\[\s*[[{"']/);
  return start < 0 ? line : line.slice(0, start);
}

const framesShown = 20;

/** The places of a stack without its message, which may quote a whole model. */
export function framesOf(stack: string): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return frames.slice(0, framesShown).join('\n');
}
