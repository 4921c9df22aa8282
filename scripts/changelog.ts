/** Reads CHANGELOG.md, which follows Keep a Changelog: one `## VERSION` per release, the newest first. */

export interface Changes {
  /** The text of the version's section, without its heading; '' when there is no section or no text. */
  readonly notes: string;
  /** The text of `## Unreleased`; '' when there is none. */
  readonly unreleased: string;
}

/** A heading is `## 1.2.3`, `## [1.2.3]`, either with ` - 2026-12-01` after it. */
export function changesIn(changelog: string, version: string): Changes {
  const sections = new Map<string, string>();
  for (const section of changelog.split(/^## /m).slice(1)) {
    const [heading = '', ...lines] = section.split('\n');
    const name =
      heading
        .split(' - ')[0]
        ?.trim()
        .replace(/^\[(.*)\]$/, '$1') ?? '';
    sections.set(name.toLowerCase(), lines.join('\n').trim());
  }
  return { notes: sections.get(version.toLowerCase()) ?? '', unreleased: sections.get('unreleased') ?? '' };
}
