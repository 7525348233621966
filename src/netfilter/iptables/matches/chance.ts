/**
 * -m statistic, limit: options and texts.
 * @source extensions/libxt_statistic.c, libxt_limit.c
 */
import { testLimit, testNth, testRandom } from '../../matches/chance-tests.ts';
import { type Match, makeMatch } from '../../rule.ts';
import {
  findOption,
  type GivenOption,
  type MatchExtension,
  not,
  numberOf,
  ParameterProblem,
  sameText,
} from '../extension.ts';
import { parseUnsigned } from '../protocol-names.ts';

const RANDOM_SCALE = 0x80000000;

function buildRandom(given: readonly GivenOption[]): Match {
  const option = findOption(given, 'probability');
  if (option === undefined) {
    throw new ParameterProblem('--probability must be specified when using random mode');
  }
  const probability = /^\d*\.?\d+(e-?\d+)?$/i.test(option.value) ? Number(option.value) : -1;
  if (!(probability >= 0 && probability <= 1)) {
    throw new ParameterProblem(
      'statistic: bad value for option "--probability", or out of range (0-1).\n',
    );
  }
  const threshold = Math.round(probability * RANDOM_SCALE);
  const { isInverted } = option;
  const shown = (threshold / RANDOM_SCALE).toFixed(11);
  const save = ` --mode random${not(isInverted)} --probability ${shown}`;
  const list = ` statistic mode random${not(isInverted)} probability ${shown}`;
  return makeMatch(
    'statistic',
    testRandom,
    { threshold, isInverted, stream: null },
    sameText(save, list),
  );
}

function buildNth(given: readonly GivenOption[]): Match {
  const option = findOption(given, 'every');
  const packetOption = findOption(given, 'packet');
  if (option === undefined) {
    throw new ParameterProblem('--every must be specified when using nth mode');
  }
  if (packetOption === undefined) {
    throw new ParameterProblem('statistic: option "--every" also requires "--packet".\n');
  }
  const every = numberOf('statistic', option, 1, 0xffffffff);
  const packet = numberOf('statistic', packetOption, 0, 0xffffffff);
  if (packet >= every) throw new ParameterProblem('the --packet p must be 0 <= p <= n-1');
  const { isInverted } = option;
  const sign = not(isInverted);
  const save = ` --mode nth${sign} --every ${every} --packet ${packet}`;
  const list = ` statistic mode nth${sign} every ${every}${packet === 0 ? '' : ` packet ${packet}`}`;
  const info = { every, isInverted, count: every - 1 - packet };
  return makeMatch('statistic', testNth, info, sameText(save, list));
}

export const statisticMatch: MatchExtension = {
  name: 'statistic',
  options: [
    { names: ['mode'], argumentCount: 1 },
    {
      names: ['probability'],
      argumentCount: 1,
      canInvert: true,
      excludes: ['every', 'packet'],
    },
    { names: ['every'], argumentCount: 1, canInvert: true },
    { names: ['packet'], argumentCount: 1 },
  ],
  build: (given) => {
    const mode = findOption(given, 'mode')?.value;
    if (mode === undefined && given.length > 0) {
      throw new ParameterProblem('statistic: option "--mode" must be specified\n');
    }
    if (mode === 'random' || mode === undefined) return buildRandom(given);
    if (mode === 'nth') return buildNth(given);
    throw new ParameterProblem(`Bad mode "${mode}"`);
  },
};

const LIMIT_UNITS: ReadonlyArray<readonly [string, number]> = [
  ['day', 86400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
];
const LIMIT_SCALE = 10000;
const NS_PER_SEC = 1_000_000_000;
const BURST_DEFAULT = 5;

interface Rate {
  readonly count: number;
  readonly seconds: number;
}

function parseRate(text: string): Rate {
  const [countText = '', unitText] = text.split('/');
  const count = parseUnsigned(countText, 0xffffffff);
  const names = unitText === undefined ? 'sec' : unitText.toLowerCase();
  const long: Record<string, string> = { second: 'sec', minute: 'min', hour: 'hour', day: 'day' };
  const word = Object.keys(long).find((each) => names !== '' && each.startsWith(names));
  const unit = LIMIT_UNITS.find(([name]) => name === names || name === long[word ?? '']);
  if (count === null || count === 0 || unit === undefined) {
    throw new ParameterProblem(`bad rate "${text}"'`);
  }
  if (count / unit[1] > LIMIT_SCALE) throw new ParameterProblem(`Rate too fast "${text}"`);
  return { count, seconds: unit[1] };
}

/** The rate in the largest unit in which it is a whole number (or nearly). */
function rateText(rate: Rate): string {
  const period = Math.floor((LIMIT_SCALE * rate.seconds) / rate.count);
  let index = 1;
  for (; index < LIMIT_UNITS.length; index++) {
    const scale = LIMIT_UNITS[index]![1] * LIMIT_SCALE;
    if (period > scale || Math.floor(scale / period) < scale % period) break;
  }
  const [name, seconds] = LIMIT_UNITS[index - 1]!;
  return `${Math.floor((seconds * LIMIT_SCALE) / period)}/${name}`;
}

export const limitMatch: MatchExtension = {
  name: 'limit',
  options: [
    { names: ['limit'], argumentCount: 1 },
    { names: ['limit-burst'], argumentCount: 1 },
  ],
  build: (given) => {
    const rate = parseRate(findOption(given, 'limit')?.value ?? '3/hour');
    const burstOption = findOption(given, 'limit-burst');
    const asked = burstOption === undefined ? 0 : numberOf('limit', burstOption, 0, 10000);
    const burst = asked === 0 ? BURST_DEFAULT : asked;
    const costNs = Math.floor((rate.seconds * NS_PER_SEC) / rate.count);
    const burstNs = costNs * burst;
    const shown = rateText(rate);
    const save = ` --limit ${shown}${burst === BURST_DEFAULT ? '' : ` --limit-burst ${burst}`}`;
    const text = sameText(save, ` limit: avg ${shown} burst ${burst}`);
    return makeMatch('limit', testLimit, { costNs, burstNs, creditNs: burstNs, lastNs: -1 }, text);
  },
};
