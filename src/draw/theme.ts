/**
 * Colours of a drawing. Networks have one hue each, from a palette that people with any colour vision
 * tell apart (after Okabe and Ito), and a dash pattern of their own, so that colour is never alone.
 */
import { color, interpolateRgb } from 'd3';

export const THEMES = ['light', 'dark', 'print'] as const;
export type ThemeName = (typeof THEMES)[number];

/** How one network is painted. */
export interface NetworkLook {
  readonly line: string;
  /** Of boxes on it; a tint of the line. */
  readonly fill: string;
  /** Of texts on the background. */
  readonly ink: string;
  /** SVG's stroke-dasharray; empty for a solid line. */
  readonly dash: string;
}

export interface Theme {
  readonly name: ThemeName;
  readonly background: string;
  readonly ink: string;
  readonly muted: string;
  readonly faint: string;
  readonly machineFill: string;
  readonly machineLine: string;
  readonly namespaceFill: string;
  readonly namespaceLine: string;
  readonly sandboxFill: string;
  readonly neutralFill: string;
  readonly neutralLine: string;
  readonly routerFill: string;
  readonly routerLine: string;
  readonly shadow: string;
  /** Lines of ways, first and second. */
  readonly ways: readonly [string, string];
  readonly badgeInk: string;
  readonly good: string;
  readonly bad: string;
  readonly networks: readonly NetworkLook[];
  /** Networks that are part of the surroundings: cables between machines. */
  readonly plainNetwork: NetworkLook;
}

/** Blue, orange, green, purple, vermilion, sky, olive, wine. */
const HUES = [
  '#0a63b0',
  '#c26a00',
  '#00795c',
  '#8e3fa8',
  '#c23b22',
  '#0f8ea8',
  '#6b7a12',
  '#9c2f5f',
];
const HUES_DARK = [
  '#6cb4ff',
  '#f5a83c',
  '#3fd1a4',
  '#d08cf0',
  '#ff8a70',
  '#5fd4ec',
  '#c5d458',
  '#f285b5',
];
const GREYS = [
  '#111111',
  '#444444',
  '#222222',
  '#555555',
  '#333333',
  '#666666',
  '#1a1a1a',
  '#4d4d4d',
];
const DASHES = ['', '9 3', '2.5 2.5', '12 3 2.5 3', '6 2.5', '1.5 3', '14 4', '6 2.5 1.5 2.5'];

const TINT = 0.87;

function looks(hues: readonly string[], background: string, tint: number): NetworkLook[] {
  return hues.map((hue, i) => ({
    line: hue,
    fill: color(interpolateRgb(hue, background)(tint))!.formatHex(),
    ink: hue,
    dash: DASHES[i] ?? '',
  }));
}

const LIGHT: Theme = {
  name: 'light',
  background: '#ffffff',
  ink: '#1b2733',
  muted: '#5a6775',
  faint: '#d5dce4',
  machineFill: '#eef3f9',
  machineLine: '#5f7d9e',
  namespaceFill: '#ffffff',
  namespaceLine: '#93a3b5',
  sandboxFill: '#f8f9fb',
  neutralFill: '#e9eef3',
  neutralLine: '#55677a',
  routerFill: '#fffbe8',
  routerLine: '#a58a2c',
  shadow: '#c4ced9',
  ways: ['#d3145a', '#5b2ec7'],
  badgeInk: '#ffffff',
  good: '#0b7a3b',
  bad: '#c00d0d',
  networks: looks(HUES, '#ffffff', TINT),
  plainNetwork: { line: '#44566a', fill: '#e9eef3', ink: '#44566a', dash: '' },
};

const DARK: Theme = {
  name: 'dark',
  background: '#11161d',
  ink: '#e8edf3',
  muted: '#a3b0be',
  faint: '#313c49',
  machineFill: '#1a222c',
  machineLine: '#6f8cab',
  namespaceFill: '#212b37',
  namespaceLine: '#62748a',
  sandboxFill: '#1d2631',
  neutralFill: '#2a3542',
  neutralLine: '#93a6ba',
  routerFill: '#38321a',
  routerLine: '#d2b445',
  shadow: '#3a4755',
  ways: ['#ff5c93', '#b59bff'],
  badgeInk: '#11161d',
  good: '#52d68a',
  bad: '#ff6b6b',
  networks: looks(HUES_DARK, '#11161d', 0.78),
  plainNetwork: { line: '#9fb2c6', fill: '#2a3542', ink: '#b8c7d6', dash: '' },
};

const PRINT: Theme = {
  name: 'print',
  background: '#ffffff',
  ink: '#000000',
  muted: '#3c3c3c',
  faint: '#c8c8c8',
  machineFill: '#ffffff',
  machineLine: '#000000',
  namespaceFill: '#ffffff',
  namespaceLine: '#555555',
  sandboxFill: '#f2f2f2',
  neutralFill: '#e6e6e6',
  neutralLine: '#222222',
  routerFill: '#f6f6f6',
  routerLine: '#444444',
  shadow: '#bbbbbb',
  ways: ['#000000', '#6a6a6a'],
  badgeInk: '#ffffff',
  good: '#000000',
  bad: '#000000',
  networks: looks(GREYS, '#ffffff', 0.9),
  plainNetwork: { line: '#333333', fill: '#e6e6e6', ink: '#333333', dash: '' },
};

export const THEME_OF: Readonly<Record<ThemeName, Theme>> = {
  light: LIGHT,
  dark: DARK,
  print: PRINT,
};
