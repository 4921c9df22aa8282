/** Targets of samples: one class, several classes, or numbers. Pure. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Cell } from '../../tables/index.js';
import { sizeOf } from '../../samples/index.js';
import { cellsOf } from './cells.js';
import type { TargetField } from './field.js';
import { labellerOf, type LabelRule } from './labels.js';
import { joinNumbers, type NumericColumn } from './numbers.js';

type FieldOf<Type extends DatasetField['type']> = Extract<DatasetField, { readonly type: Type }>;

function classSpec(kind: 'class' | 'classes', rule: LabelRule): TargetField['spec'] {
  return rule.kind === 'names'
    ? { kind, classes: rule.names.length, names: rule.names }
    : { kind, classes: rule.classes, names: null };
}

export function classTarget({ name }: FieldOf<'class'>, column: string, rule: LabelRule): TargetField {
  const labelOf = labellerOf(rule);
  return {
    name,
    columns: [column],
    identity: ['class', column, rule],
    spec: classSpec('class', rule),
    decode: (values, rows) => {
      const bad = new Map<number, string>();
      const labels = new Int32Array(rows);
      for (const [row, cell] of cellsOf(values, column).entries()) {
        const found = labelOf(cell);
        if (found.ok) labels[row] = found.label;
        else bad.set(row, `column ${column}: ${found.problem}`);
      }
      return { content: { kind: 'class', perSample: 1, labels }, bad };
    },
  };
}

/** The labels in one cell: a list, or a text with separators. No label is a list without any. */
export function partsOfCell(cell: Cell | BadRow, separator: string): readonly Cell[] | BadRow {
  if (cell instanceof BadRow) return cell;
  if (cell === null) return [];
  if (typeof cell === 'string') {
    return cell
      .split(separator)
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
  return Array.isArray(cell) ? (cell as readonly Cell[]) : [cell];
}

export function classesTarget({ name, separator }: FieldOf<'classes'>, column: string, rule: LabelRule): TargetField {
  const labelOf = labellerOf(rule);
  const classes = rule.kind === 'names' ? rule.names.length : rule.classes;
  return {
    name,
    columns: [column],
    identity: ['classes', column, separator, rule],
    spec: classSpec('classes', rule),
    decode: (values, rows) => {
      const bad = new Map<number, string>();
      const all = new Uint8Array(rows * classes);
      for (const [row, cell] of cellsOf(values, column).entries()) {
        const parts = partsOfCell(cell, separator);
        if (parts instanceof BadRow) bad.set(row, parts.problem);
        else {
          for (const part of parts) {
            const found = labelOf(part);
            if (found.ok) all[row * classes + found.label] = 1;
            else bad.set(row, `column ${column}: ${found.problem}`);
          }
        }
      }
      return { content: { kind: 'classes', classes, values: all }, bad };
    },
  };
}

export function valuesTarget({ name }: FieldOf<'target'>, columns: readonly NumericColumn[]): TargetField {
  const width = columns.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return {
    name,
    columns: columns.map((column) => column.name),
    identity: ['target', columns],
    spec: { kind: 'values', width },
    decode: (values, rows) => {
      const { content, bad } = joinNumbers(values, columns, rows, 'float32');
      return { content: { kind: 'values', width, values: Float32Array.from(content) }, bad };
    },
  };
}
