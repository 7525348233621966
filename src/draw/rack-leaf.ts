/** A namespace of the upper row: a container, a load balancer: a frame with interfaces side by side. */
import { type LabelOptions, linesHeight, makeBox, titleWidth } from './labels.ts';
import { type Box, type BoxLine, bottomOf, rightOf } from './placement.ts';
import { interfaceBox } from './rack-row.ts';
import {
  compareNames,
  type DeviceView,
  type NamespaceView,
  type SnapshotIndex,
} from './snapshot.ts';
import { shortName } from './text.ts';

const PADDING = 8;
const TITLE = 22;
const GAP = 8;

export interface PlacedLeaf {
  readonly namespace: NamespaceView;
  readonly frame: Box;
  readonly devices: readonly { readonly device: DeviceView; readonly box: Box }[];
}

/** The frame and its interfaces, at the origin. */
export function placeLeaf(
  index: SnapshotIndex,
  namespace: NamespaceView,
  labels: LabelOptions,
): PlacedLeaf {
  if (namespace.foldedCount > 0) return foldedLeaf(index, namespace);
  const own = [...(index.devicesOf.get(namespace.id) ?? [])];
  own.sort((one, other) => compareNames(one.name, other.name));
  const devices = own.map((device) => ({
    device,
    box: interfaceBox(index, device, labels),
  }));
  const whole = namespaceFrame(namespace, labels);
  const none: BoxLine = { text: labels.words.noNetwork, style: 'small' };
  const frame =
    devices.length === 0 ? { ...whole, note: '', lines: [...whole.lines, none] } : whole;
  let x = PADDING;
  const inner = Math.max(0, ...devices.map(({ box }) => box.height));
  for (const { box } of devices) {
    box.x = x;
    box.y = TITLE;
    box.height = inner;
    x = rightOf(box) + GAP;
  }
  const wanted = Math.max(titleWidth(frame.lines), devices.length === 0 ? 0 : x - GAP + PADDING);
  const spare = wanted - (devices.length === 0 ? wanted : x - GAP + PADDING);
  for (const { box } of devices) box.x += spare / 2;
  frame.width = wanted;
  frame.height = devices.length === 0 ? linesHeight(frame.lines) : TITLE + inner + PADDING;
  return { namespace, frame, devices };
}

/** A card for many containers; their wires start at its bottom. */
function foldedLeaf(index: SnapshotIndex, namespace: NamespaceView): PlacedLeaf {
  const [title = '', ...rest] = namespace.label.split('\n');
  const frame = makeBox({
    id: namespace.id,
    kind: 'fold',
    parentId: namespace.machineId,
    lines: [
      { text: title, style: 'name' },
      ...rest.map((text) => ({ text, style: 'small' as const })),
    ],
    description: namespace.label.replaceAll('\n', ', '),
    minWidth: 96,
  });
  frame.width += 12;
  frame.height += 12;
  const found = index.devicesOf.get(namespace.id) ?? [];
  const devices = found.map((device, i) => ({
    device,
    box: tapBox(device, frame, (i + 1) / (found.length + 1)),
  }));
  return { namespace, frame, devices };
}

/** An invisible place on the lower edge of a card. */
export function tapBox(device: DeviceView, card: Box, part: number): Box {
  const tap = makeBox({
    id: device.id,
    kind: 'tap',
    parentId: card.id,
    networkId: device.networkId,
  });
  const place = { x: card.x + (card.width - 8) * part, y: bottomOf(card) - 10 };
  return Object.assign(tap, { ...place, width: 2, height: 2 });
}

/** The frame of a namespace, with what it is called. */
export function namespaceFrame(
  namespace: NamespaceView,
  { words }: Pick<LabelOptions, 'words'>,
  parentId: string | null = namespace.machineId,
): Box {
  const { label, kind, note, guests } = namespace;
  const what = {
    root: words.hostNamespace,
    container: words.container,
    sandbox: words.sandbox,
    lb: words.loadBalancer,
    ingress: words.ingress,
    plain: words.namespace,
  }[kind];
  // A host's own namespace is called after the machine, whose frame says so already.
  const isOwn = kind === 'root' && parentId === `m:${label}`;
  const title = isOwn ? what : shortName(label);
  const lines: BoxLine[] = [{ text: title, style: 'title' }];
  const names = guests.slice(0, 4).map((name) => shortName(name, 16));
  const isOfNetwork = kind === 'sandbox' || kind === 'lb';
  const whose = isOfNetwork && note !== '' ? `${what} ${note}` : what;
  const also =
    guests.length === 0 ? '' : words.guests(names.join(', ') + (guests.length > 4 ? ' …' : ''));
  return makeBox({
    id: namespace.id,
    kind: 'namespace',
    parentId,
    lines,
    description: [what, label, note, ...guests].filter((text) => text !== '').join(', '),
    tone: kind,
    note: [isOwn ? '' : whose, also].filter((text) => text !== '').join(', '),
  });
}
