/**
 * -m policy: options and texts.
 * @source extensions/libxt_policy.c
 */
import {
  type PolicyAddress,
  type PolicyElement,
  type PolicyTest,
  type PolicyValue,
  testPolicy,
} from '../../matches/policy-test.ts';
import {
  HOOK_INPUT,
  HOOK_OUTPUT,
  HOOK_POSTROUTING,
  HOOK_PREROUTING,
} from '../../netfilter-hooks.ts';
import { ANY_HOOK, type ExtensionScope, makeMatch } from '../../rule.ts';
import {
  findOption,
  type GivenOption,
  hexWord,
  type MatchExtension,
  not,
  numberOf,
  ParameterProblem,
  parseMasked,
} from '../extension.ts';
import { addressText } from '../rule-text.ts';

/** @source XT_POLICY_MAX_ELEM */
const ELEMENTS_MAX = 4;
const PROTOCOLS: Readonly<Record<string, number>> = { esp: 50, ah: 51, ipcomp: 108 };
const ELEMENT_OPTIONS = ['reqid', 'spi', 'tunnel-src', 'tunnel-dst', 'proto', 'mode'];

type MutableElement = { -readonly [Key in keyof PolicyElement]: PolicyElement[Key] };

const emptyElement = (): MutableElement => ({
  source: null,
  target: null,
  protocol: null,
  mode: null,
  spi: null,
  reqid: null,
});

export const policyMatch: MatchExtension = {
  name: 'policy',
  options: [
    { names: ['dir'], argumentCount: 1 },
    { names: ['pol'], argumentCount: 1 },
    { names: ['strict'], argumentCount: 0 },
    ...ELEMENT_OPTIONS.map((name) => ({
      names: [name],
      argumentCount: 1 as const,
      canInvert: true as const,
      canRepeat: true as const,
    })),
    { names: ['next'], argumentCount: 0, canRepeat: true },
  ],
  build: (given) => {
    const direction = findOption(given, 'dir')?.value;
    const policy = findOption(given, 'pol')?.value ?? 'ipsec';
    const isStrict = findOption(given, 'strict') !== undefined;
    if (direction !== undefined && direction !== 'in' && direction !== 'out') {
      throw new ParameterProblem(`policy_match: invalid dir "${direction}"`);
    }
    if (policy !== 'ipsec' && policy !== 'none') throw problem(`invalid policy "${policy}"`);
    if (!isStrict && findOption(given, 'next') !== undefined) {
      throw new ParameterProblem('policy: option "--next" also requires "--strict".\n');
    }
    const elements = readElements(given);
    if (direction === undefined) throw problem('neither --dir in nor --dir out specified');
    const wantsIpsec = policy === 'ipsec';
    checkElements(elements, wantsIpsec, isStrict);
    const info: PolicyTest = { direction, wantsIpsec, isStrict, elements };
    return makeMatch('policy', testPolicy, info, textOf(info), scopeOf(direction));
  },
};

const problem = (text: string): ParameterProblem => new ParameterProblem(`policy match: ${text}`);

function scopeOf(direction: 'in' | 'out'): ExtensionScope {
  const excluded =
    direction === 'in' ? [HOOK_POSTROUTING, HOOK_OUTPUT] : [HOOK_PREROUTING, HOOK_INPUT];
  const hooks = excluded.reduce((bits, hook) => bits & ~(1 << hook), ANY_HOOK);
  return { hooks, table: null, needsConntrack: false };
}

function readElements(given: readonly GivenOption[]): PolicyElement[] {
  let element = emptyElement();
  const elements = [element];
  for (const option of given) {
    if (option.name === 'next') {
      element = emptyElement();
      elements.push(element);
      if (elements.length > ELEMENTS_MAX) throw problem('maximum policy depth reached');
    } else if (ELEMENT_OPTIONS.includes(option.name)) {
      readElementOption(element, option);
    }
  }
  return elements;
}

function readElementOption(element: MutableElement, option: GivenOption): void {
  const once = (known: unknown): void => {
    if (known !== null) throw problem(`double --${option.name} option`);
  };
  switch (option.name) {
    case 'reqid':
      once(element.reqid);
      element.reqid = given(option, numberOf('policy', option, 0, 0xffffffff));
      return;
    case 'spi':
      once(element.spi);
      element.spi = given(option, numberOf('policy', option, 0, 0xffffffff));
      return;
    case 'tunnel-src':
      once(element.source);
      element.source = given(option, readAddress(option));
      return;
    case 'tunnel-dst':
      once(element.target);
      element.target = given(option, readAddress(option));
      return;
    case 'proto':
      once(element.protocol);
      element.protocol = given(option, readProtocol(option.value));
      return;
    default:
      once(element.mode);
      if (option.value !== 'transport' && option.value !== 'tunnel') {
        throw problem(`invalid mode "${option.value}"`);
      }
      element.mode = given(option, option.value);
  }
}

function given<Value>(option: GivenOption, value: Value): PolicyValue<Value> {
  return { value, isInverted: option.isInverted };
}

function readAddress(option: GivenOption): PolicyAddress {
  const masked = parseMasked(option.value);
  if (masked === null) {
    throw new ParameterProblem(`host/network \`${option.value}' not found`);
  }
  return masked;
}

function readProtocol(text: string): number {
  const named = PROTOCOLS[text];
  const protocol = named ?? (/^\d+$/.test(text) ? Number(text) : -1);
  if (!Object.values(PROTOCOLS).includes(protocol)) {
    throw problem('protocol must be ah/esp/ipcomp');
  }
  return protocol;
}

const isEmpty = (element: PolicyElement): boolean =>
  Object.values(element).every((value) => value === null);

/** @source policy_check() */
function checkElements(
  elements: readonly PolicyElement[],
  wantsIpsec: boolean,
  isStrict: boolean,
): void {
  if (!wantsIpsec) {
    if (isStrict) throw problem('policy none but --strict given');
    if (elements.length > 1) throw problem('policy none but policy given');
    return;
  }
  elements.forEach((element, index) => {
    if (isStrict && isEmpty(element)) {
      throw problem(
        `empty policy element ${index}. --strict is in effect, but at least one of ` +
          'reqid, spi, tunnel-src, tunnel-dst, proto or mode is required.',
      );
    }
    const { mode } = element;
    const isTunnel = mode !== null && (mode.value === 'tunnel') !== mode.isInverted;
    if ((element.source !== null || element.target !== null) && !isTunnel) {
      throw problem('--tunnel-src/--tunnel-dst is only valid in tunnel mode');
    }
  });
}

function textOf(info: PolicyTest): { save: string; list: string; listNumeric: string } {
  const { direction, wantsIpsec, isStrict } = info;
  const policy = wantsIpsec ? 'ipsec' : 'none';
  const elements = wantsIpsec ? info.elements : [];
  const save =
    ` --dir ${direction} --pol ${policy}${isStrict ? ' --strict' : ''}` +
    elements.map((element) => elementText(element, '--', protocolWord)).join(' --next');
  const numbered = (text: string, index: number): string =>
    elements.length > 1 ? ` [${index}]${text}` : text;
  const list =
    ` policy match dir ${direction} pol ${policy}${isStrict ? ' strict' : ''}` +
    elements.map((element, index) => numbered(elementText(element, '', String), index)).join('');
  return { save, list, listNumeric: list };
}

function protocolWord(protocol: number): string {
  return Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === protocol) ?? String(protocol);
}

/** @source print_entry() */
function elementText(
  element: PolicyElement,
  dashes: string,
  protocolText: (protocol: number) => string,
): string {
  const part = <Value>(
    name: string,
    value: PolicyValue<Value> | null,
    show: (value: Value) => string,
  ): string =>
    value === null ? '' : `${not(value.isInverted)} ${dashes}${name} ${show(value.value)}`;
  const address = ({ address, mask }: PolicyAddress): string =>
    addressText(address, mask).replace(/\/32$/, '');
  return (
    part('reqid', element.reqid, String) +
    part('spi', element.spi, hexWord) +
    part('proto', element.protocol, protocolText) +
    part('mode', element.mode, String) +
    part('tunnel-dst', element.target, address) +
    part('tunnel-src', element.source, address)
  );
}
