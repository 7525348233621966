/** From a snapshot to a picture: the one entry of this layer for commands. */
import { composeSheet } from './compose-scene.ts';
import type { LabelOptions } from './labels.ts';
import type { Placement } from './placement.ts';
import { layOutRack } from './rack-layout.ts';
import type { Scene } from './scene.ts';
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
  return { width: 0, height: 0, boxes: [], wires: [] };
}

/** The whole picture. */
export async function drawSnapshot(snapshot: Snapshot, options: DrawOptions): Promise<Scene> {
  const words = WORDS[options.language];
  const theme = THEME_OF[options.theme];
  const placement = await layOut(snapshot, { words, hasMacs: true });
  const title = options.title !== '' ? options.title : snapshot.title;
  const subtitle = subtitleOf(snapshot, words);
  return composeSheet(placement, { ...options, snapshot, theme, words, title, subtitle });
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
