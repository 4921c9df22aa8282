/** Tables of text that are wrong in one way. */
import { type DataCase, rows } from './cases.js';

const sound = rows(24);
const csv = ['a,b,label', ...sound.map(({ a, b, label }) => `${String(a)},${String(b)},${String(label)}`), ''].join(
  '\n',
);
const jsonl = sound.map((row) => `${JSON.stringify(row)}\n`).join('');
const latin1 = Buffer.from(['name,label', 'caf\u00e9,1', ''].join('\n'), 'latin1');
const picture = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
const numbers = [
  { name: 'input', type: 'tensor', columns: ['a', 'b'] },
  { name: 'label', type: 'class' },
];
const absent = [{ name: 'input', type: 'tensor', columns: ['a', 'c'] }];

const csvCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'x.csv', want: 'DIR/x.csv: found nothing, expected a data set' },
  {
    what: 'is empty',
    files: { 'x.csv': '' },
    path: 'x.csv',
    want: 'DIR/x.csv: found an empty file, expected a CSV file',
  },
  {
    what: 'has a head line alone',
    files: { 'x.csv': 'a,b,label\n' },
    path: 'x.csv',
    want: 'DIR/x.csv: it has a head line and no rows',
  },
  {
    what: 'is a picture',
    files: { 'x.csv': picture },
    path: 'x.csv',
    want: 'DIR/x.csv: found a file with zero bytes, which is no text, expected a CSV file',
  },
  {
    what: 'is packed and cut',
    files: { 'x.csv.gz': Buffer.from('1f8b0800', 'hex') },
    path: 'x.csv.gz',
    want: 'DIR/x.csv.gz: found a damaged gzip file (unexpected end of file), expected a CSV file',
  },
  {
    what: 'is no UTF-8',
    files: { 'x.csv': latin1 },
    path: 'x.csv',
    want: 'DIR/x.csv, byte 14: found 0xe9, expected text in UTF-8',
  },
  {
    what: 'ends in a quoted value',
    files: { 'x.csv': `${csv}"1,2,0\n` },
    path: 'x.csv',
    want: 'DIR/x.csv, line 26: the row has no end within 16 MiB or the file',
  },
  {
    what: 'has a line with too few values',
    files: { 'x.csv': `${csv}1,2\n` },
    path: 'x.csv',
    want: 'x.csv, line 26: column a: the row has 2 values, the head names 3 columns',
  },
  {
    what: 'has a text among its numbers',
    files: { 'x.csv': `${csv}1,two,0\n` },
    dataset: { fields: numbers },
    path: 'x.csv',
    want: 'x.csv, line 26: column b: it holds "two", expected a number',
  },
  {
    what: 'lacks a column',
    files: { 'x.csv': csv },
    path: 'x.csv',
    dataset: { fields: absent },
    want: 'file://DIR/x.csv, x.csv, line 1: found no column c, expected one of a, b, label, for the field input',
  },
  {
    what: 'has files with other head lines',
    files: { 'a.csv': csv, 'b.csv': 'a,c\n1,2\n' },
    want: 'DIR/b.csv, line 1: found the columns a,c, expected a,b,label, as in a.csv',
  },
  {
    what: 'is a link out of its folder',
    files: { 'a.csv': csv, 'b.csv': { to: '/etc/passwd' } },
    want: 'DIR/b.csv: it is a link that leads out of its folder',
  },
];

const jsonlCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'x.jsonl', want: 'DIR/x.jsonl: found nothing, expected a data set' },
  {
    what: 'is empty',
    files: { 'x.jsonl': '' },
    path: 'x.jsonl',
    want: 'DIR/x.jsonl: found an empty file, expected a file of JSON lines',
  },
  {
    what: 'is CSV',
    files: { 'x.jsonl': csv },
    path: 'x.jsonl',
    want: 'DIR/x.jsonl: none of the first 1000 rows is a JSON object with keys; x.jsonl, line 1: it is no JSON from character 1 on',
  },
  {
    what: 'is no UTF-8',
    files: { 'x.jsonl': Buffer.concat([Buffer.from(jsonl), latin1]) },
    path: 'x.jsonl',
    want: 'DIR/x.jsonl, byte 662: found 0xe9, expected text in UTF-8',
  },
  {
    what: 'is cut',
    files: { 'x.jsonl': `${jsonl}{"a":1,"b":` },
    path: 'x.jsonl',
    want: 'x.jsonl, line 25: column a: it is no JSON from character 12 on',
  },
  {
    what: 'has lists without end',
    files: { 'x.jsonl': `${jsonl}{"a":${'['.repeat(100_000)}\n` },
    path: 'x.jsonl',
    want: 'x.jsonl, line 25: column a: it is no JSON from character 100006 on',
  },
  {
    what: 'has a line of 20 MiB',
    files: { 'x.jsonl': `${jsonl}{"a":"${'x'.repeat(20 * 2 ** 20)}"}\n` },
    path: 'x.jsonl',
    want: 'DIR/x.jsonl, line 25: the row has no end within 16 MiB or the file',
  },
  {
    what: 'has a text among its numbers',
    files: { 'x.jsonl': `${jsonl}{"a":1,"b":"two","label":0}\n` },
    path: 'x.jsonl',
    dataset: { fields: numbers },
    want: 'x.jsonl, line 25: column b: it holds "two", expected a number',
  },
  {
    what: 'has a list among its numbers',
    files: { 'x.jsonl': `${jsonl}{"a":1,"b":[2,3],"label":0}\n` },
    path: 'x.jsonl',
    dataset: { fields: numbers },
    want: 'x.jsonl, line 25: column b: it holds 2 numbers, expected 1',
  },
  {
    what: 'has a label that is not listed',
    files: { 'x.jsonl': jsonl },
    path: 'x.jsonl',
    dataset: { fields: [numbers[0], { name: 'label', type: 'class', classes: ['low', 'high'] }] },
    want: 'x.jsonl, line 12: column label: the label is 2, expected one of low, high',
  },
  {
    what: 'lacks a column',
    files: { 'x.jsonl': jsonl },
    path: 'x.jsonl',
    dataset: { fields: absent },
    want: 'file://DIR/x.jsonl: found no column c, expected one of a, b, label, for the field input',
  },
  {
    what: 'is a link out of its folder',
    files: { 'a.jsonl': jsonl, 'b.jsonl': { to: '/etc/passwd' } },
    want: 'DIR/b.jsonl: it is a link that leads out of its folder',
  },
];

/** By format. */
export const textCases = { csv: csvCases, jsonl: jsonlCases };
