/** Which columns of the data are the samples, and how the teacher reads them. Pure. */
import { count } from '@distillery/base';
import type { DatasetField } from '@distillery/protocol';

import { labelColumn, labelFor, labelName, whichLabel } from './label.js';
import type { Need } from './need.js';
import { ask, type DatasetChoice, refuse, Undecided } from './outcome.js';
import { picturesFor } from './pictures.js';
import type { InputSetting, NamedInputSetting, Seen, SeenColumn } from './seen.js';
import type { DataChoice, TeacherChoice } from './sources.js';

export interface FieldChoice {
  readonly dataset: DatasetChoice;
  /** What the teacher's settings need, but for the values of pixels. */
  readonly input: InputSetting;
  readonly inputs?: readonly NamedInputSetting[];
  /** Whether the values of pixels are open: the teacher takes pictures as fractions. */
  readonly pixelsOpen: boolean;
  readonly whyInputs: string;
  readonly whyLabel: string;
  readonly whySplit: string;
  readonly whyBadSample: string;
}

interface Inputs {
  readonly fields: readonly DatasetField[];
  readonly input?: InputSetting;
  readonly inputs?: readonly NamedInputSetting[];
  readonly pixelsOpen?: boolean;
  readonly why: string;
}

/** Rows that are held out, and the fewest for which a split is made. */
const testFraction = 0.1;
const fewestToDivide = 100;

export function fieldsFor(seen: Seen, need: Need, teacher: TeacherChoice, source: DataChoice): FieldChoice | Undecided {
  const { data } = seen;
  if (data === undefined) throw new RangeError('fields: the data were not inspected');
  const label = labelColumn(seen);
  if (label instanceof Undecided) return label;
  const inputs = inputsFor(seen, need, label, { teacher: teacher.path, data: source.path });
  if (inputs instanceof Undecided) return inputs;
  const labels = labelFor(seen, label, widthOf(seen));
  if (labels instanceof Undecided) return labels;
  // A plain idx job names nothing: only so its raw bytes are read in place.
  const isWhole = source.format === 'idx' && seen.asked.label === undefined && seen.asked.inputs === undefined;
  const divides = labels.field !== null && data.heldOut === null && data.rows >= fewestToDivide;
  const used = new Set(
    [...inputs.fields, ...(labels.field === null ? [] : [labels.field])].flatMap(({ columns }) => columns),
  );
  const gaps = data.columns.filter(
    ({ name, empty }) => empty > 0 && (used.has(name) || (used.has('*') && empty < data.sampled)),
  );
  const replaces = gaps.length > 0 || source.format === 'imageFolder' || source.format === 'webdataset';
  return {
    dataset: {
      path: source.path,
      format: source.format,
      ...(isWhole ? {} : { fields: [...inputs.fields, ...(labels.field === null ? [] : [labels.field])] }),
      ...(divides ? { split: { testFraction } } : {}),
      ...(replaces ? { onBadSample: 'Replace' as const } : {}),
    },
    input: inputs.input ?? {},
    ...(inputs.inputs === undefined ? {} : { inputs: inputs.inputs }),
    pixelsOpen: inputs.pixelsOpen ?? false,
    whyInputs: inputs.why,
    whyLabel: labels.why,
    whySplit: divides
      ? 'the data are not divided: a tenth is held out, to measure the student on'
      : data.heldOut !== null
        ? `the data are divided already, ${count(data.heldOut, 'row')} are held out`
        : 'nothing is held out: there are no labels, or too few rows',
    whyBadSample:
      gaps.length > 0
        ? `some rows have no ${gaps.map(({ name }) => name).join(', ')}: the next good row takes their place`
        : 'a damaged picture gives way to the next one',
  };
}

/** Width of the teacher's answers as its shape says it; null = it says nothing. */
function widthOf({ teacher }: Seen): number | null {
  const floats = teacher?.outputs.filter(({ isFloat }) => isFloat) ?? [];
  const [only, another] = floats;
  return only === undefined || another !== undefined ? null : (only.shape.at(-1) ?? null);
}

interface Paths {
  readonly teacher: string;
  readonly data: string;
}

function inputsFor(seen: Seen, need: Need, label: SeenColumn | null, paths: Paths): Inputs | Undecided {
  switch (need.kind) {
    case 'image':
      return pictureInputs(seen, need, label, paths);
    case 'text':
      return textInputs(seen, need, label, paths);
    case 'bytes':
      return byteInputs(seen, need, label, paths);
    case 'numbers': {
      const picture = seen.data?.columns.find(({ holds }) => holds === 'picture');
      return picture === undefined ? numberInputs(seen, need, label, paths) : pictureInputs(seen, need, label, paths);
    }
    case 'columns':
      return columnInputs(seen, need, paths);
  }
}

/** The one column of some content that is meant. */
function columnFor(
  { asked, data }: Seen,
  label: SeenColumn | null,
  {
    holds,
    names,
    what,
  }: { readonly holds: (column: SeenColumn) => boolean; readonly names: readonly string[]; readonly what: string },
  about: string,
): SeenColumn | Undecided {
  const columns = data?.columns ?? [];
  const [named] = asked.inputs ?? [];
  if (named !== undefined) {
    const found = columns.find(({ name }) => name === named);
    if (found !== undefined) return found;
    return refuse(
      '--input',
      `there is no column ${named} among ${columns.map(({ name }) => name).join(', ')}`,
      'name one of them',
    );
  }
  const fitting = columns.filter((column) => column !== label && holds(column));
  const usual = names
    .map((name) => fitting.find((column) => column.name.toLowerCase() === name))
    .find((each) => each !== undefined);
  const [only, another] = fitting;
  if (usual !== undefined) return usual;
  if (only !== undefined && another === undefined) return only;
  if (only === undefined) {
    const found = columns.map((column) => `${column.name} (${column.holds})`).join(', ');
    return refuse(
      about,
      `no column holds ${what}; the columns are ${found}`,
      'name the column with --input COLUMN, or other data with --data PATH',
    );
  }
  return ask({
    option: 'inputs',
    what: `which column holds the ${what}`,
    why: `${String(fitting.length)} columns hold some`,
    choices: fitting.map(({ name, values }) => ({ value: name, words: values[0] ?? '' })),
  });
}

function pictureInputs(
  seen: Seen,
  need: Extract<Need, { kind: 'image' | 'numbers' }>,
  label: SeenColumn | null,
  { teacher, data }: Paths,
): Inputs | Undecided {
  const column = columnFor(
    seen,
    label,
    {
      holds: ({ holds, shape }) => holds === 'picture' || shape.length >= 2,
      names: ['image', 'png', 'jpg', 'jpeg', 'webp', 'x'],
      what: 'pictures',
    },
    data,
  );
  if (column instanceof Undecided) return column;
  const chosen = picturesFor(seen, need, column, teacher);
  if (chosen instanceof Undecided) return chosen;
  const isStored = column.shape.length >= 2;

  const field: DatasetField = isStored
    ? { name: 'image', columns: [column.name], type: 'image' }
    : { name: 'image', columns: [column.name], type: 'image', size: chosen.size, channels: chosen.channels };

  const isFraction = need.input.dtype.startsWith('float');
  return {
    fields: [field],
    input: chosen.input,
    pixelsOpen: isFraction,
    why: chosen.why,
  };
}

function textInputs(
  seen: Seen,
  need: Extract<Need, { kind: 'text' }>,
  label: SeenColumn | null,
  { data }: Paths,
): Inputs | Undecided {
  const column = columnFor(
    seen,
    label,
    {
      holds: ({ holds }) => holds === 'text',
      names: ['text', 'sentence', 'txt', 'content', 'document'],
      what: 'texts',
    },
    data,
  );
  if (column instanceof Undecided) return column;
  const { plain } = need;
  return {
    fields: [{ name: 'text', columns: [column.name], type: 'text' }],
    ...(plain === null ? {} : { inputs: [{ name: plain.name, field: 'text', tokens: 'Ids' }] }),
    why: `the column ${column.name} holds texts`,
  };
}

const usualBytes = 2_048;
/** What fills a short file: no byte, where the input's type holds it. */
const noByte = 256;

function byteInputs(
  seen: Seen,
  { input, length }: Extract<Need, { kind: 'bytes' }>,
  label: SeenColumn | null,
  { data }: Paths,
): Inputs | Undecided {
  const column = columnFor(
    seen,
    label,
    {
      holds: ({ holds }) => holds === 'bytes' || holds === 'text' || holds === 'picture' || holds === 'mixed',
      names: ['bytes', 'content'],
      what: 'bytes',
    },
    data,
  );
  if (column instanceof Undecided) return column;
  const all = length ?? usualBytes;
  const head = Math.ceil(all / 2);
  const padding = input.dtype === 'uint8' || input.dtype === 'int8' ? 0 : noByte;
  return {
    fields: [{ name: 'bytes', columns: [column.name], type: 'bytes', head, tail: all - head, padding, strip: true }],
    why:
      `the teacher takes ${String(all)} whole numbers: ${String(head)} bytes of the start and ${String(all - head)} of the end, ` +
      `as file type detectors read them; filled with ${String(padding)}`,
  };
}

/** Columns that are written one by one; a job may name 256. */
const columnsWritten = 64;

const isNumeric = ({ holds }: SeenColumn): boolean => holds === 'whole' || holds === 'fraction';
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function numberInputs(
  seen: Seen,
  { width }: Extract<Need, { kind: 'numbers' }>,
  label: SeenColumn | null,
  { teacher, data }: Paths,
): Inputs | Undecided {
  const { asked } = seen;
  const all = seen.data?.columns ?? [];
  const numeric = all.filter(isNumeric);
  const named = asked.inputs?.map((name) => all.find((column) => column.name === name));
  const missing = asked.inputs?.find((_, at) => named?.[at] === undefined);
  if (missing !== undefined) {
    return refuse(
      '--input',
      `there is no column ${missing} among ${all.map(({ name }) => name).join(', ')}`,
      'name others',
    );
  }
  const chosen = named?.filter((column) => column !== undefined) ?? numeric.filter((column) => column !== label);
  const values = chosen.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (width !== null && values === width + 1 && label === null && asked.label === undefined && named === undefined) {
    return whichLabel(numeric, width);
  }
  if (values === 0 || (width !== null && values !== width)) {
    const names = chosen.map(({ name }) => name).join(', ');
    return refuse(
      data,
      `its columns of numbers give ${count(values, 'value')} a row${names === '' ? '' : ` (${names})`}, and the teacher ${teacher} takes ${width === null ? 'some' : String(width)}`,
      'name the columns in the order of the teacher with --input A,B,C, and the label with --label COLUMN',
    );
  }
  // `*` is every number that no other field names.
  const labelIsFree = label !== null && isNumeric(label) && asked.task === 'embedding';
  const isEvery = named === undefined && !labelIsFree && chosen.every(({ shape }) => shape.length === 0);
  const columns = isEvery && chosen.length > columnsWritten ? ['*'] : chosen.map(({ name }) => name);
  const names = chosen.map(({ name }) => name);
  return {
    fields: [{ name: 'input', columns, type: 'tensor', dtype: 'Float32' }],
    why: `${count(names.length, 'column')} of numbers, in this order: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ' …' : ''}`,
  };
}

/** Names that a field of a job may have. */
const fieldName = /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/;

function columnInputs(
  seen: Seen,
  { inputs }: Extract<Need, { kind: 'columns' }>,
  { teacher, data }: Paths,
): Inputs | Undecided {
  const columns = seen.data?.columns ?? [];
  const fields: DatasetField[] = [];
  const settings: NamedInputSetting[] = [];
  for (const [at, input] of inputs.entries()) {
    const column = columns.find(({ name }) => name === input.name);
    if (column === undefined || !isNumeric(column)) {
      const takes = inputs.map(({ name, dtype }) => `${name} (${dtype})`).join(', ');
      const has = column === undefined ? 'no column' : 'no numbers in the column';
      return refuse(
        teacher,
        `it takes ${takes}, and ${data} has ${has} ${input.name}`,
        'name the columns as the inputs, or write dataset.fields and teacher.inputs by hand (docs/models.md)',
      );
    }
    const dtype = input.dtype.startsWith('int') ? ('Int32' as const) : ('Float32' as const);
    const name = fieldName.test(input.name) && input.name !== labelName ? input.name : `input_${String(at + 1)}`;
    fields.push({ name, columns: [column.name], type: 'tensor', dtype });
    if (name !== input.name) settings.push({ name: input.name, field: name });
  }
  const why = 'each input of the teacher has a column of its name';
  return { fields, why, ...(settings.length === 0 ? {} : { inputs: settings }) };
}
