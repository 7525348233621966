/** From a snapshot to a picture: the one entry of this layer for commands. */
import { layOutBuses } from './bus-layout.ts';
import { composeSheet, type OverShapes } from './compose-scene.ts';
import { foldSnapshot } from './fold.ts';
import type { LabelOptions } from './labels.ts';
import { legendBlock } from './legend.ts';
import { captionBlock, type NamedWay, paintWays } from './paint-way.ts';
import type { Placement } from './placement.ts';
import { layOutRack } from './rack-layout.ts';
import type { Scene } from './scene.ts';
import { indexSnapshot, type Snapshot } from './snapshot.ts';
import { shortName } from './text.ts';
import { THEME_OF, type ThemeName } from './theme.ts';
import { type Language, WORDS, type Words } from './words.ts';

export const DETAILS = ['services', 'networks', 'devices'] as const;
export type Detail = (typeof DETAILS)[number];

export interface DrawOptions {
  readonly detail: Detail;
  readonly theme: ThemeName;
  readonly language: Language;
  /** Empty for the snapshot's own. */
  readonly title: string;
  readonly hasLegend: boolean;
  /** Null: only what would not be read otherwise. */
  readonly isFolded: boolean | null;
  /** Width over height of the sheet; null if it does not matter. */
  readonly aspect: number | null;
}

/** A picture with what it was made of, for the formats that are more than a picture. */
export interface Drawing {
  readonly scene: Scene;
  readonly placement: Placement;
  /** What is drawn: folded. */
  readonly snapshot: Snapshot;
  readonly whole: Snapshot;
  readonly options: DrawOptions;
  readonly ways: readonly NamedWay[];
}

/** Places a snapshot's machines, interfaces and wires. */
export async function layOut(snapshot: Snapshot, labels: LabelOptions): Promise<Placement> {
  const index = indexSnapshot(snapshot);
  const rack = layOutRack(snapshot, index, labels);
  if (rack !== null) return rack;
  const { layOutLayered } = await import('./layered-layout.ts');
  return layOutLayered(snapshot, index, labels);
}

/** The whole picture. */
export async function drawSnapshot(
  whole: Snapshot,
  options: DrawOptions,
  ways: readonly NamedWay[] = [],
): Promise<Drawing> {
  const words = WORDS[options.language];
  const theme = THEME_OF[options.theme];
  const snapshot = foldSnapshot(whole, {
    isWanted: options.isFolded,
    words,
    keptDevices: devicesOnWays(ways),
  });
  const index = indexSnapshot(snapshot);
  const placement = await layOutDetail(snapshot, options.detail, words);
  const title = options.title !== '' ? options.title : titleOf(snapshot, ways);
  const subtitle =
    placement.boxes.length === 0 ? words.nothing : subtitleOf(whole, placement, words);
  const over = (): OverShapes => paintWays(ways, placement, index, theme, words);
  const blocks = {
    captions: ways.length === 0 ? null : captionBlock(ways, index, theme, words),
    legend: options.hasLegend ? legendBlock(placement, snapshot, theme, words) : null,
  };
  const { aspect } = options;
  const sheet = { snapshot, theme, words, title, subtitle, aspect };
  const scene = composeSheet(placement, sheet, over, blocks);
  return { scene, placement, snapshot, whole, options, ways };
}

/** The placement for a level of detail. */
export function layOutDetail(
  snapshot: Snapshot,
  detail: Detail,
  words: Words,
): Promise<Placement> | Placement {
  if (detail !== 'devices') return layOutBuses(snapshot, indexSnapshot(snapshot), detail, words);
  return layOut(snapshot, { words, hasMacs: true });
}

function devicesOnWays(ways: readonly NamedWay[]): Set<string> {
  return new Set(ways.flatMap(({ way }) => way?.hops.map(({ deviceId }) => deviceId) ?? []));
}

function titleOf({ title }: Snapshot, ways: readonly NamedWay[]): string {
  const ends = ways.map(({ from, to }) => `${from} → ${to}`).join(', ');
  return ends === '' ? title : `${ends}: ${title}`;
}

/** How much there is, and which networks. */
export function subtitleOf(
  { namespaces, networks }: Snapshot,
  { boxes }: Placement,
  words: Words,
): string {
  const containers = namespaces.filter(({ kind }) => kind === 'container').length;
  const parts = containers === 0 ? [] : [words.counted(containers, 'container')];
  const shown = new Set(boxes.map(({ networkId }) => networkId));
  const listed = networks
    .filter(({ id, subnets }) => shown.has(id) && subnets.length > 0)
    .sort((one, other) => Number(other.isOverlaying) - Number(one.isOverlaying));
  const texts = listed.map(({ name, subnets, vni }) => {
    const tag = vni === null || name.includes(`${vni}`) ? '' : ` VNI ${vni}`;
    const subnet = subnets[0] === name ? '' : ` ${subnets[0]}`;
    return `${shortName(name)}${subnet}${tag}`;
  });
  const unique = [...new Set(texts)];
  parts.push(...unique.slice(0, SUBTITLE_NETWORKS_MAX));
  const more = unique.length - SUBTITLE_NETWORKS_MAX;
  if (more > 0) parts.push(words.more(more));
  return parts.join(' · ');
}

const SUBTITLE_NETWORKS_MAX = 7;
