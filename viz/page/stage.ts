/** The drawing with the packets on it. */
import { select, zoom, zoomIdentity } from 'd3';
import { byId, shape } from './dom.ts';
import { eventAt, type Model, packetsUnderWay, previousOf } from './model.ts';
import { makeWays, restOf, type Spot, spotAt, type Ways } from './way.ts';
import type { PageWords } from './words.ts';

export interface Stage {
  /** Shows the moment when `index` has happened and `fraction` of the next event. */
  show(index: number, fraction: number): void;
  choosePacket(packet: number | null): void;
  /** The picture as it stands, as an SVG document. */
  picture(): string;
}

export interface StageEvents {
  onPacket(packet: number): void;
  onBox(boxId: string): void;
}

const TOKEN_RADIUS = 9;
const TOKENS_MAX = 60;
/** Colours of families; the number on the token tells them apart as well. */
const HUES = ['#0a63b0', '#c26a00', '#00795c', '#8e3fa8', '#c23b22', '#0f8ea8', '#6b7a12'];

export function makeStage(model: Model, words: PageWords, events: StageEvents): Stage {
  const svg = document.querySelector<SVGSVGElement>('#drawing svg');
  if (svg === null) throw new Error('the page has no drawing');
  const ways = makeWays(model.data);
  const layer = shape('g', { class: 'packets' });
  const marker = shape('rect', { class: 'here', rx: 5, fill: 'none' });
  moveIntoView(svg, marker, layer);
  makeBoxesClickable(svg, events);
  let chosen: number | null = null;
  let shown: { index: number; fraction: number } = { index: -1, fraction: 0 };

  const show = (index: number, fraction: number): void => {
    shown = { index, fraction };
    layer.replaceChildren();
    const moving = index + 1 < model.count ? index + 1 : null;
    const movingFrom = moving === null || fraction === 0 ? null : previousOf(model, moving);
    const taken = new Map<string, number>();
    if (index >= 0) {
      for (const at of packetsUnderWay(model, index).slice(-TOKENS_MAX)) {
        if (at === movingFrom && fraction > 0) continue;
        drawToken(at, stopOf(model, ways, at, taken), at === index);
      }
    }
    if (moving !== null && fraction > 0) {
      drawToken(moving, movingSpot(model, ways, movingFrom, moving, fraction), true);
    }
    const here = index >= 0 ? eventAt(model, index).place.boxId : null;
    const box = here === null ? undefined : ways.boxes.get(here);
    marker.setAttribute('visibility', box === undefined ? 'hidden' : 'visible');
    if (box === undefined) return;
    marker.setAttribute('x', String(box.x - 3));
    marker.setAttribute('y', String(box.y - 3));
    marker.setAttribute('width', String(box.width + 6));
    marker.setAttribute('height', String(box.height + 6));
  };

  const drawToken = (at: number, spot: Spot | null, isCurrent: boolean): void => {
    if (spot === null) return;
    const event = eventAt(model, at);
    const number = model.familyNumber.get(model.familyOf.get(event.packet) ?? 0) ?? 0;
    const isLost = model.isLost.has(at);
    const fill = isLost ? '#b00020' : HUES[(number - 1) % HUES.length]!;
    const label = isLost ? '✕' : String(number);
    const token = shape(
      'g',
      {
        class: `token${isCurrent ? ' current' : ''}${event.packet === chosen ? ' chosen' : ''}`,
        transform: `translate(${spot.x.toFixed(1)} ${(spot.y + (isLost ? 16 : 0)).toFixed(1)})`,
        'data-packet': event.packet,
      },
      shape('title', {}, `${words.packet} ${number}`),
      shape('circle', { r: TOKEN_RADIUS, fill, stroke: '#fff', 'stroke-width': 1.5 }),
      shape(
        'text',
        {
          'text-anchor': 'middle',
          y: 3.5,
          'font-size': label.length > 2 ? 8 : 10,
          'font-weight': 'bold',
          fill: '#fff',
        },
        label,
      ),
    );
    token.addEventListener('click', (click) => {
      click.stopPropagation();
      events.onPacket(event.packet);
    });
    layer.append(token);
  };

  return {
    show,
    choosePacket(packet) {
      chosen = packet;
      show(shown.index, shown.fraction);
    },
    picture: () => new XMLSerializer().serializeToString(svg),
  };
}

/** Everything of the drawing goes into one group that can be moved and made larger. */
function moveIntoView(svg: SVGSVGElement, ...above: readonly Node[]): void {
  const view = shape('g', { class: 'view' });
  for (const child of [...svg.children]) {
    if (!['title', 'desc'].includes(child.tagName)) view.append(child);
  }
  view.append(...above);
  svg.append(view);
  svg.setAttribute('width', '100%');
  svg.setAttribute('height', '100%');
  const behaviour = zoom<SVGSVGElement, unknown>()
    .scaleExtent([0.3, 8])
    .on('zoom', ({ transform }: { transform: { toString(): string } }) => {
      view.setAttribute('transform', transform.toString());
    });
  const whole = select(svg);
  whole.call(behaviour).on('dblclick.zoom', null);
  byId<HTMLButtonElement>('fit').addEventListener('click', () => {
    whole.call(behaviour.transform, zoomIdentity);
  });
}

function makeBoxesClickable(svg: SVGSVGElement, events: StageEvents): void {
  for (const group of svg.querySelectorAll<SVGGElement>('g[data-id]')) {
    const id = group.dataset.id ?? '';
    group.addEventListener('click', (click) => {
      click.stopPropagation();
      events.onBox(id);
    });
  }
}

/** Where a packet rests; those in one box stand beside each other. */
function stopOf(model: Model, ways: Ways, at: number, taken: Map<string, number>): Spot | null {
  const { boxId } = eventAt(model, at).place;
  const box = boxId === null ? undefined : ways.boxes.get(boxId);
  if (boxId === null || box === undefined) return null;
  const count = taken.get(boxId) ?? 0;
  taken.set(boxId, count + 1);
  const { x, y } = restOf(box);
  return { x: x - (count % 4) * 15, y: y + Math.floor(count / 4) * 15 };
}

function movingSpot(
  model: Model,
  ways: Ways,
  from: number | null,
  to: number,
  fraction: number,
): Spot | null {
  const target = eventAt(model, to).place.boxId;
  if (target === null) return null;
  const source = from === null ? null : eventAt(model, from).place.boxId;
  return spotAt(ways.between(source ?? target, target), ease(fraction));
}

function ease(t: number): number {
  return t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
}
