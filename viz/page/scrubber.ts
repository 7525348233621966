/** The time line: the whole run in one bar, marks where packets were lost or delivered. */
import { scaleLinear } from 'd3';
import { byId, shape } from './dom.ts';
import { eventAt, type Model } from './model.ts';

const WIDTH = 1000;
const HEIGHT = 26;

/** Draws the marks behind the slider. */
export function drawMarks(model: Model): void {
  const svg = byId<SVGSVGElement>('marks');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  const x = scaleLinear()
    .domain([0, Math.max(1, model.count - 1)])
    .range([0, WIDTH]);
  const kinds = model.data.recording.kinds;
  const deliver = kinds.indexOf('deliver');
  const marks = new Map<string, { x: number; kind: 'lost' | 'done' }>();
  model.data.recording.events.kind.forEach((kind, index) => {
    if (kind !== deliver) return;
    const at = Math.round(x(index));
    marks.set(`done ${at}`, { x: at, kind: 'done' });
  });
  for (const index of model.drops) {
    const at = Math.round(x(index));
    marks.set(`lost ${at}`, { x: at, kind: 'lost' });
  }
  svg.replaceChildren();
  for (const mark of marks.values()) {
    const height = mark.kind === 'lost' ? HEIGHT : HEIGHT / 2;
    svg.append(
      shape('rect', { class: mark.kind, x: mark.x - 1, y: HEIGHT - height, width: 2, height }),
    );
  }
  for (const gap of gapsOf(model)) {
    svg.append(shape('rect', { class: 'gap', x: x(gap) - 0.5, y: 0, width: 1, height: HEIGHT }));
  }
}

/** Where nothing happened for a while: a new second begins there. */
function gapsOf(model: Model): number[] {
  const gaps: number[] = [];
  for (let index = 1; index < model.count && gaps.length < 200; index++) {
    if (eventAt(model, index).timeNs - eventAt(model, index - 1).timeNs > 1e8) gaps.push(index);
  }
  return gaps;
}
