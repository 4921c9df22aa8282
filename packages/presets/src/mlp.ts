import { concatenate, dense, dropout, flatten } from './layers.js';
import { fraction, sizes } from './parameter.js';
import { preset } from './preset.js';

export const mlp = preset({
  summary: 'Fully connected layers; several inputs are joined.',
  takes: ['images', 'numbers'],
  severalInputs: true,
  parameters: {
    hidden: sizes(1, 8192, 8, [256, 128], 'Units of each hidden layer.'),
    dropout: fraction(0, 'Part of the units that is dropped after each hidden layer.'),
  },
  example: { dtype: 'float32', shape: [28, 28, 1], outputs: 10 },
  build: (graph, { hidden, dropout: rate }, [first, ...others]) => {
    const flat = others.map(({ tensor }) => flatten(graph, tensor, `${tensor.layer}_flat`));
    let at = concatenate(graph, [flatten(graph, first.tensor, `${first.tensor.layer}_flat`), ...flat], 'joined');
    hidden.forEach((units, index) => {
      const name = `hidden${index + 1}`;
      at = dropout(graph, dense(graph, at, name, units, { activation: 'relu' }), `${name}_dropout`, rate);
    });
    return at;
  },
});
