/**
 * The script of a report. It moves a cursor over a figure and reads the values from the table beside it; without it, the
 * tables say the same. It draws nothing from text and loads nothing.
 */
export const script = `
for (const figure of document.querySelectorAll('figure.chart')) {
  const svg = figure.querySelector(':scope > svg');
  const slider = figure.querySelector('.slider');
  const readout = figure.querySelector('.readout');
  const cursor = figure.querySelector('.cursor');
  const rows = [...figure.querySelectorAll('tbody tr')];
  const heads = [...figure.querySelectorAll('thead th')].map((head) => head.textContent);
  if (rows.length < 2) continue;
  slider.max = String(rows.length - 1);
  slider.value = slider.max;
  slider.hidden = false;
  const show = (index) => {
    const row = rows[index];
    const text = [...row.children].map((cell, at) => heads[at] + ' ' + cell.textContent).join(', ');
    slider.value = String(index);
    slider.setAttribute('aria-valuetext', text);
    readout.textContent = text;
    cursor.setAttribute('x1', row.dataset.x);
    cursor.setAttribute('x2', row.dataset.x);
    cursor.setAttribute('visibility', 'visible');
  };
  slider.setAttribute('aria-valuetext', heads[0] + ' ' + rows.at(-1).children[0].textContent);
  slider.addEventListener('input', () => show(Number(slider.value)));
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) * svg.viewBox.baseVal.width) / box.width;
    let nearest = 0;
    rows.forEach((row, index) => {
      if (Math.abs(row.dataset.x - x) < Math.abs(rows[nearest].dataset.x - x)) nearest = index;
    });
    show(nearest);
  });
}
`;
