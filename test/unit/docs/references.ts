/**
 * Finds what comments, messages and pages cite: invariants, sections of docs/design.md, decision records, files and links.
 * Pure: a page is its path and its text.
 */

export interface Page {
  /** From the top of the repository. */
  readonly path: string;
  readonly text: string;
}

export interface Definition {
  readonly name: string;
  readonly path: string;
}

/** Everything that a reference may lead to. */
export interface Targets {
  /** I1 … of docs/design.md. */
  readonly invariants: ReadonlySet<string>;
  /** Of docs/design.md, "5" and "5.4" among them, each with the text below its heading. */
  readonly sections: ReadonlyMap<string, string>;
  /** Numbers of decision records. */
  readonly records: ReadonlySet<number>;
  /** Local invariants, such as reflector/R1. */
  readonly local: ReadonlySet<string>;
  /** Anchors of each page. */
  readonly anchors: ReadonlyMap<string, ReadonlySet<string>>;
  readonly exists: (path: string) => boolean;
}

/** Lines of a comment joined, so that a reference may be broken over two of them. */
function joined(text: string): string {
  return text.replace(/\n[ \t]*(?:\*(?!\/)|\/\/)?[ \t]*/g, ' ');
}

const definitionLine = /^ \* +(?:- |Invariant )?((?:[a-z][\w.-]*\/)*[A-Z]\d{1,2})[.:]? \S/gm;

/** Local invariants that a file defines in its comments, also those without a prefix. */
export function definitionsIn({ path, text }: Page): Definition[] {
  const names = [...text.matchAll(definitionLine)].flatMap(([, name]) => (name === undefined ? [] : [name]));
  return names.filter((name) => !/^I\d/.test(name)).map((name) => ({ name, path }));
}

/** What is wrong with the names of local invariants: no prefix, another file's prefix, or a name that stands twice. */
export function namingProblems(definitions: readonly Definition[]): string[] {
  const seen = new Map<string, string>();
  return definitions.flatMap(({ name, path }) => {
    const prefix = name.slice(0, Math.max(0, name.lastIndexOf('/')));
    const stem = path.replace(/\.[a-z]+$/, '');
    if (prefix === '' || !`/${stem}`.endsWith(`/${prefix}`)) {
      const wanted = `${stem.slice(stem.lastIndexOf('/') + 1)}/${name.slice(name.lastIndexOf('/') + 1)}`;
      return [`${path}: invariant ${name} does not begin with its file; name it ${wanted}`];
    }
    const before = seen.get(name);
    seen.set(name, path);
    return before === undefined ? [] : [`${path}: invariant ${name} is defined in ${before} as well; rename one`];
  });
}

/** Sections of docs/design.md by their number; a section holds its subsections. */
export function sectionsOf(design: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const part of design.split(/^(?=##? )/m)) {
    const number = /^## (\d+)\./.exec(part)?.[1];
    if (number !== undefined) sections.set(number, part);
    for (const inner of part.split(/^(?=### )/m)) {
      const deeper = /^### (\d+\.\d+) /.exec(inner)?.[1];
      if (deeper !== undefined) sections.set(deeper, inner);
    }
  }
  return sections;
}

/** Anchors as GitHub makes them of headings, and those that a page sets itself. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${String(count)}`;
    anchors.add(anchor);
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** A heading may hold code; a fenced block holds none. */
function withoutCode(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '');
}

/** References of one page that lead nowhere, each as a sentence. */
export function deadReferences({ path, text }: Page, targets: Targets): string[] {
  const line = joined(text);
  const isPage = path.endsWith('.md');
  return [
    ...[...line.matchAll(/\b(?:DESIGN|HOUSE)\b(?! ?=)/g)].map(([name]) => `${name} is no page; cite design §N`),
    ...designReferences(line).flatMap((reference) => designProblem(reference, targets)),
    ...numbers(line, /(?<![\w/.-])I(\d{1,2})(?![\w-])/g)
      .filter((number) => !targets.invariants.has(`I${String(number)}`))
      .map((number) => `I${String(number)} is no invariant of docs/design.md`),
    ...[...numbers(line, /\bADR (\d{1,4})\b/g), ...numbers(line, /\badr\/(\d{4})\b/g)]
      .filter((number) => !targets.records.has(number))
      .map((number) => `ADR ${String(number)} does not exist`),
    ...[...line.matchAll(/(?<![\w/.@-])((?:[a-z][\w-]*\/)+[A-HJ-Z]\d{1,2})(?![\w/.-])/g)]
      .map(([, name = '']) => name)
      .filter((name) => !targets.local.has(name))
      .map((name) => `invariant ${name} is not defined`),
    ...(path.endsWith('.ts') ? bareNames(text) : []).map(
      (name) => `${name} does not say whose invariant it is; put the file before it, as in reflector/R1`,
    ),
    ...filesNamed(path, line).flatMap(({ file, anchor }) => linkProblem(file, anchor, targets)),
    ...(isPage ? deadLinks(path, text, targets) : []),
  ].map((problem) => `${path}: ${problem}`);
}

/** Names of local invariants without their file where a comment cites them: at its start, or in brackets. */
function bareNames(text: string): string[] {
  const cited = /(?:\/\*\* |\/\/ |\()(?:[a-z][\w.]* )?(?:[A-Z]\d{1,2}, )*([A-HJ-Z]\d{1,2})(?=[).:;]|,? \*\/)/g;
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\/|\/\/ .*$/gm)].flatMap(([comment]) =>
    [...comment.matchAll(cited)].map(([, name = '']) => name),
  );
}

/** Files of the repository that a comment or page names by their path. A decision record keeps the paths of its day. */
function filesNamed(path: string, line: string): { file: string; anchor: string | undefined }[] {
  const folder = path.startsWith('docs/adr/')
    ? 'docs'
    : '(?:charts|crds|docs|examples|packages|scripts|src|test|workers)';
  const named = new RegExp(
    String.raw`(?<![\w/.@$}*-])(${folder}\/[\w./-]+\.(?:md|ts|yaml|py))(?:#([\w-]+))?(?![\w/])`,
    'g',
  );
  return [...line.matchAll(named)].map(([, file = '', anchor]) => ({ file, anchor }));
}

function numbers(line: string, pattern: RegExp): number[] {
  return [...line.matchAll(pattern)].map(([, digits]) => Number(digits));
}

interface DesignReference {
  readonly section: string;
  /** A bold term or a word of a table in the section. */
  readonly term: string | undefined;
}

function designReferences(line: string): DesignReference[] {
  const one = String.raw`§(\d+(?:\.\d+)?)(?: "([^"]+)")?`;
  const all = new RegExp(String.raw`\bdesign ${one}(?:(?:,| and| to) ${one})*`, 'g');
  return [...line.matchAll(all)].flatMap(([text]) =>
    [...text.matchAll(new RegExp(one, 'g'))].map(([, section = '', term]) => ({ section, term })),
  );
}

function designProblem({ section, term }: DesignReference, { sections }: Targets): string[] {
  const body = sections.get(section);
  if (body === undefined) return [`docs/design.md has no section ${section}`];
  if (term === undefined) return [];
  const marks = [`**${term}`, `| ${term} `, `**${term}.**`];
  return marks.some((mark) => body.includes(mark)) ? [] : [`design §${section} has no "${term}"`];
}

function linkProblem(page: string, anchor: string | undefined, { anchors, exists }: Targets): string[] {
  if (!exists(page)) return [`${page} does not exist`];
  if (anchor === undefined || anchors.get(page)?.has(anchor) === true) return [];
  return [`${page} has no anchor #${anchor}`];
}

function deadLinks(path: string, text: string, targets: Targets): string[] {
  const prose = withoutCode(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target))
    .flatMap((target) => {
      const [file = '', anchor] = target.split('#');
      const page = file === '' ? path : resolved(path, decodeURIComponent(file));
      return linkProblem(page, anchor === '' ? undefined : anchor, targets);
    });
}

/** The path that a relative link of a page means. */
function resolved(from: string, to: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of to.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
