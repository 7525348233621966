/** Brings a drawing and a recording together: which box an event's place is. */
import { DROP_SENTENCES_ES } from '../draw/drop-sentences-es.ts';
import type { Box, Placement } from '../draw/placement.ts';
import type { NamespaceView, Snapshot } from '../draw/snapshot.ts';
import { DROP_REASONS, type DropReason } from '../engine/drop-reason.ts';
import type { PacketPlace } from '../observe/packet-place.ts';
import type { Recording } from '../observe/recording.ts';
import type { PageData, PageOwner, PagePlace, PageReason } from './page-data.ts';

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
    owners: ownersOf(snapshot),
    reasons: reasonsOf(recording, language),
    recording,
  };
}

function viewPlace(
  place: PacketPlace,
  snapshot: Snapshot,
  boxes: ReadonlyMap<string, Box>,
): PagePlace {
  const { namespaceName, namespaceNumber, deviceName } = place;
  const known =
    snapshot.namespaces.find(({ id }) => id === `ns${namespaceNumber}`) ??
    snapshot.namespaces.find(({ name }) => name === namespaceName);
  const namespaceLabel = known === undefined ? namespaceName : labelOf(known, snapshot);
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

/** `node1 / web`; a machine's own namespace is the machine. */
function labelOf({ label, machineId, kind }: NamespaceView, { machines }: Snapshot): string {
  const machine = machines.find(({ id }) => id === machineId)?.name ?? '';
  if (machine === '' || machine === label) return label;
  return kind === 'root' && label === '' ? machine : `${machine} / ${label}`;
}

function ownersOf(snapshot: Snapshot): Record<string, PageOwner> {
  const owners: Record<string, PageOwner> = {};
  const labels = new Map<string, string>();
  for (const namespace of snapshot.namespaces) {
    const namespaceLabel = labelOf(namespace, snapshot);
    labels.set(namespace.id, namespaceLabel);
    const namespaceNumber = numberOf(namespace.id);
    const owner = { namespaceNumber, namespaceLabel, deviceName: '' };
    owners[namespace.id] = owner;
    if (namespace.kind === 'root') owners[namespace.machineId] ??= owner;
  }
  for (const { id, namespaceId, name } of snapshot.devices) {
    const namespaceLabel = labels.get(namespaceId) ?? '';
    owners[id] = { namespaceNumber: numberOf(namespaceId), namespaceLabel, deviceName: name };
  }
  return owners;
}

/** `ns12` is the namespace number 12. */
function numberOf(namespaceId: string): number {
  return Number(namespaceId.slice(2));
}

/** The sentences of the reasons that occur. */
function reasonsOf(
  { events, kinds, details }: Recording,
  language: 'en' | 'es',
): Record<string, PageReason> {
  const drop = kinds.indexOf('drop');
  const reasons: Record<string, PageReason> = {};
  events.kind.forEach((kind, index) => {
    if (kind !== drop) return;
    const reason = details[events.detail[index]!]?.reason;
    if (typeof reason !== 'string' || !Object.hasOwn(DROP_REASONS, reason)) return;
    const name = reason as DropReason; // it is one of the table
    const { sentence, hint } = DROP_REASONS[name];
    const spanish = language === 'es' ? DROP_SENTENCES_ES[name] : undefined;
    reasons[reason] = spanish === undefined ? { sentence, hint } : { sentence: spanish, hint: '' };
  });
  return reasons;
}

const round = (value: number): number => Math.round(value * 10) / 10;
