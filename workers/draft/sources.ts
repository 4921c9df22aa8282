/** Which of the files are teacher, data and tokenizer. Pure. */
import { formatsFor, type Need, needWords } from './need.js';
import type { Undecided } from './outcome.js';
import { ask, refuse } from './outcome.js';
import { folderOf, shownPath } from './paths.js';
import type { FoundData, Seen, TeacherFormat } from './seen.js';

export interface TeacherChoice {
  readonly path: string;
  readonly format: TeacherFormat;
  readonly why: string;
}

const choicesShown = 12;

export function teacherOf({ folder, asked, found }: Seen): TeacherChoice | Undecided {
  const { teachers } = found;
  if (asked.teacher !== undefined) {
    const named = teachers.find(({ path }) => path === asked.teacher);
    return { path: asked.teacher, format: named?.format ?? 'onnx', why: 'as --teacher says' };
  }
  const [only, another] = teachers;
  if (only === undefined) {
    return refuse(
      folder,
      `no teacher lies among its ${String(found.files)} files: no .onnx file, no model.json of TensorFlow.js and no saved_model.pb`,
      'export the model that you have to ONNX, or name it with --teacher FILE',
    );
  }
  if (another === undefined) return { ...only, why: 'the only model in the folder' };
  return ask({
    option: 'teacher',
    what: 'which model is the teacher',
    why: `${String(teachers.length)} models lie in ${folder}`,
    choices: teachers.slice(0, choicesShown).map(({ path, format }) => ({ value: path, words: format })),
  });
}

export interface DataChoice extends FoundData {
  readonly why: string;
}

export function dataOf({ folder, asked, found }: Seen, need: Need): DataChoice | Undecided {
  const { format } = asked;
  const candidates = found.data.filter((each) => format === undefined || each.format === format);
  const fitting = candidates.filter((each) => format !== undefined || formatsFor[need.kind].includes(each.format));
  const [only, another] = withoutFilesBesideOthers(fitting, need);
  if (only === undefined) return noData(folder, candidates, need, asked.data);
  if (another === undefined) {
    const why =
      asked.data === undefined ? `the only data in the folder that holds ${needWords[need.kind]}` : 'as --data says';
    return { ...only, why };
  }
  const paths = new Set(fitting.map(({ path }) => path));
  if (paths.size === 1) {
    return ask({
      option: 'format',
      what: `how ${shownPath(folder, only.path)} is to be read`,
      why: `it holds data of ${String(fitting.length)} formats`,
      choices: fitting.slice(0, choicesShown).map((each) => ({ value: each.format, words: each.holds })),
    });
  }
  return ask({
    option: 'data',
    what: 'what the student learns from',
    why: `${String(fitting.length)} data sets lie in ${folder}`,
    choices: fitting
      .slice(0, choicesShown)
      .map((each) => ({ value: each.path, words: `${each.format}, ${each.holds}` })),
  });
}

/** Every folder can be read as plain files: that is meant only where the teacher takes bytes, or nothing else is there. */
function withoutFilesBesideOthers(fitting: readonly FoundData[], need: Need): readonly FoundData[] {
  const files = fitting.filter(({ format }) => format === 'files');
  const others = fitting.filter(({ format }) => format !== 'files');
  if (need.kind === 'bytes' && files.length > 0) return files;
  return others.length > 0 ? others : files;
}

function noData(folder: string, candidates: readonly FoundData[], need: Need, named: string | undefined): Undecided {
  const about = named ?? folder;
  const takes = `the teacher takes ${needWords[need.kind]}`;
  const [first] = candidates;
  if (first === undefined) {
    return refuse(
      about,
      `${takes}, and no data lie there: no pictures, tables, arrays or archives`,
      `name the data with --data PATH, and their format with --format if it is not seen (docs/data.md)`,
    );
  }
  return refuse(
    about,
    `${takes}, and what lies there is ${candidates.map(({ format, holds }) => `${format} (${holds})`).join(', ')}`,
    'name other data with --data PATH, or another model with --teacher FILE',
  );
}

/** null = none is needed. */
export function tokenizerOf({ folder, asked, found }: Seen, need: Need, teacher: string): string | Undecided | null {
  if (need.kind !== 'text') return null;
  if (asked.tokenizer !== undefined) return asked.tokenizer;
  const beside = found.tokenizers.find((path) => folderOf(path) === folderOf(teacher));
  const [first, another] = found.tokenizers;
  if (beside !== undefined) return beside;
  if (first === undefined) {
    return refuse(
      teacher,
      'the teacher takes tokens, and no tokenizer.json lies beside it',
      'save it with tokenizer.save_pretrained(FOLDER), and name it with --tokenizer FILE',
    );
  }
  if (another === undefined) return first;
  return ask({
    option: 'tokenizer',
    what: "which tokenizer is the teacher's",
    why: `${String(found.tokenizers.length)} of them lie in ${folder}`,
    choices: found.tokenizers.slice(0, choicesShown).map((path) => ({ value: path, words: '' })),
  });
}
