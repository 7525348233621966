/** From a snapshot to a picture: the one entry of this layer for commands. */
import { type Block, composeSheet } from './compose-scene.ts';
import type { LabelOptions } from './labels.ts';
import { legendBlock } from './legend.ts';
import { captionBlock, type NamedWay, paintWays } from './paint-way.ts';
import type { Placement } from './placement.ts';
import { layOutRack } from './rack-layout.ts';
import type { Scene, Shape } from './scene.ts';
import { indexSnapshot, type Snapshot } from './snapshot.ts';
import { THEME_OF, type ThemeName } from './theme.ts';
import { type Language, WORDS, type Words } from './words.ts';

export const DETAILS = ['services', 'networks', 'devices'] as const;
export type Detail = (typeof DETAILS)[number];

export interface DrawOptions {
  readonly detail: Detail;
  readonly theme: ThemeName;
  readonly language: Language;
  readonly title: string;
  readonly hasLegend: boolean;
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
  snapshot: Snapshot,
  options: DrawOptions,
  ways: readonly NamedWay[] = [],
): Promise<Scene> {
  const words = WORDS[options.language];
  const theme = THEME_OF[options.theme];
  const index = indexSnapshot(snapshot);
  const placement = await layOut(snapshot, { words, hasMacs: true });
  const title = options.title !== '' ? options.title : titleOf(snapshot, ways);
  const subtitle = subtitleOf(snapshot, words);
  const over = (): Shape[] => paintWays(ways, placement, index, theme, words);
  const blocks: Block[] = [];
  if (ways.length > 0) blocks.push(captionBlock(ways, index, theme, words));
  if (options.hasLegend) blocks.push(legendBlock(placement, snapshot, theme, words));
  return composeSheet(placement, { snapshot, theme, words, title, subtitle }, over, blocks);
}

function titleOf({ title }: Snapshot, ways: readonly NamedWay[]): string {
  const ends = ways.map(({ from, to }) => `${from} → ${to}`).join(', ');
  return ends === '' ? title : `${ends}: ${title}`;
}

/** How much there is, and which networks. */
export function subtitleOf({ namespaces, networks }: Snapshot, words: Words): string {
  const containers = namespaces.filter(({ kind }) => kind === 'container').length;
  const parts = containers === 0 ? [] : [words.counted(containers, 'container')];
  for (const { name, subnets, vni } of networks.filter(({ subnets }) => subnets.length > 0)) {
    const tag = vni === null || name.includes(`${vni}`) ? '' : ` VNI ${vni}`;
    const subnet = subnets[0] === name ? '' : ` ${subnets[0]}`;
    parts.push(`${name}${subnet}${tag}`);
  }
  return parts.slice(0, 8).join(' · ');
}
