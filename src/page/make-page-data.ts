/** Brings a drawing and a recording together: which box an event's place is. */
import type { Box, Placement } from '../draw/placement.ts';
import type { Snapshot } from '../draw/snapshot.ts';
import { DROP_REASONS, type DropReason } from '../engine/drop-reason.ts';
import type { RecordedPlace, Recording } from '../observe/recording.ts';
import type { PageData, PagePlace, PageReason } from './page-data.ts';

export interface PageSource {
  readonly title: string;
  readonly language: 'en' | 'es';
  readonly snapshot: Snapshot;
  /** As it was drawn. */
  readonly placement: Placement;
  readonly recording: Recording;
}

/** Everything that the page's program reads. */
export function makePageData(source: PageSource): PageData {
  const { title, language, snapshot, placement, recording } = source;
  const boxes = new Map(placement.boxes.map((box) => [box.id, box]));
  return {
    title,
    language,
    boxes: placement.boxes.map(({ id, x, y, width, height }) => ({ id, x, y, width, height })),
    wires: placement.wires.map(({ from, to, points }) => ({
      from,
      to,
      points: points.map(({ x, y }) => [round(x), round(y)] as const),
    })),
    places: recording.places.map((place) => viewPlace(place, snapshot, boxes)),
    reasons: reasonsOf(recording),
    recording,
  };
}

function viewPlace(
  place: RecordedPlace,
  snapshot: Snapshot,
  boxes: ReadonlyMap<string, Box>,
): PagePlace {
  const { namespaceName, namespaceNumber, deviceName } = place;
  const known =
    snapshot.namespaces.find(({ id }) => id === `ns${namespaceNumber}`) ??
    snapshot.namespaces.find(({ name }) => name === namespaceName);
  const machine = snapshot.machines.find(({ id }) => id === known?.machineId)?.name ?? '';
  const inside = known?.label ?? namespaceName;
  const namespaceLabel = machine === '' || machine === inside ? inside : `${machine} / ${inside}`;
  const device = snapshot.devices.find(
    ({ namespaceId, name }) => namespaceId === known?.id && name === deviceName,
  );
  const candidates = [device?.id, device?.masterId, known?.id, known?.machineId];
  return {
    label: deviceName === '' ? namespaceLabel : `${namespaceLabel} · ${deviceName}`,
    namespaceNumber,
    namespaceLabel,
    deviceName,
    boxId: candidates.find((id) => id != null && boxes.has(id)) ?? null,
  };
}

/** The sentences of the reasons that occur. */
function reasonsOf({ events, kinds, details }: Recording): Record<string, PageReason> {
  const drop = kinds.indexOf('drop');
  const reasons: Record<string, PageReason> = {};
  events.kind.forEach((kind, index) => {
    if (kind !== drop) return;
    const reason = details[events.detail[index]!]?.reason;
    if (typeof reason !== 'string' || !Object.hasOwn(DROP_REASONS, reason)) return;
    const { sentence, hint } = DROP_REASONS[reason as DropReason]; // it is one of the table
    reasons[reason] = { sentence, hint };
  });
  return reasons;
}

const round = (value: number): number => Math.round(value * 10) / 10;
