/** The tables of presets in docs/models.md. */
import { markdownTable } from '@distillery/base';
import { choosePreset, dataText, presetNames, presets, presetTopology, takesText } from '@distillery/presets';

/** @returns one row for each preset, with the weights of its example */
export function presetsTable(): string {
  const rows = presetNames.map((name) => {
    const { example, summary, takes } = presets[name];
    const { outputs, ...input } = example;
    const { parameters } = presetTopology(choosePreset(name, []), { inputs: { input }, outputs });
    return {
      preset: `\`${name}\``,
      'what it is': summary,
      takes: takesText({ takes }),
      weights: parameters.toLocaleString('en-US'),
      'for example': `${dataText({ input })}, ${outputs} outputs`,
    };
  });
  return `${markdownTable(rows)}\n`;
}

/** @returns one row for each parameter but `outputs`, which all have */
export function presetParametersTable(): string {
  const rows = presetNames.flatMap((name) =>
    Object.entries(presets[name].parameters)
      .filter(([parameter]) => parameter !== 'outputs')
      .map(([parameter, kind]) => {
        const value = kind.text(kind.fallback);
        return {
          preset: `\`${name}\``,
          parameter: `\`${parameter}\``,
          default: value === '' ? '' : `\`${value}\``,
          takes: kind.takes,
          meaning: kind.meaning,
        };
      }),
  );
  return `${markdownTable(rows)}\n`;
}
