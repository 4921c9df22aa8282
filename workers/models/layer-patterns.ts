/** Names of layers as a job writes them: `*` stands for any characters. Pure. */

export interface LayerPattern {
  /** As the job writes it. */
  readonly text: string;
  matches(name: string): boolean;
}

export function layerPatterns(texts: readonly string[]): readonly LayerPattern[] {
  return texts.map((text) => {
    const parts = text.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
    const expression = new RegExp(`^${parts.join('.*')}$`, 's');
    return { text, matches: (name) => expression.test(name) };
  });
}

const shownNames = 8;

/** Some names, for a message. */
export function someOf(names: readonly string[]): string {
  return `${names.slice(0, shownNames).join(', ')}${names.length > shownNames ? ', …' : ''}`;
}
