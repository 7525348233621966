/** `ip xfrm policy`. @source iproute2 ip/xfrm_policy.c */
import { KernelError } from '../../base/errors.ts';
import {
  addXfrmPolicy,
  deleteXfrmPolicy,
  findXfrmPolicy,
  flushXfrmPolicies,
  listXfrmPolicies,
  setDefaultXfrmPolicy,
  updateXfrmPolicy,
  type XfrmPolicyId,
  type XfrmPolicySpec,
} from '../../stack/xfrm/control.ts';
import type {
  XfrmDirection,
  XfrmLimits,
  XfrmPolicy,
  XfrmSelector,
  XfrmTemplate,
} from '../../stack/xfrm/xfrm-record.ts';
import type { IpCommand } from './ip-command.ts';
import { styleOf, writeXfrm } from './ip-xfrm-state.ts';
import { POLICY_FLAGS, policyLines } from './ip-xfrm-text.ts';
import { POLICY_USAGE } from './ip-xfrm-usage.ts';
import {
  duplicate,
  isInPrefix,
  type Mutable,
  takeDirection,
  takeFlags,
  takeId,
  takeLimit,
  takeMode,
  takeSelector,
  takeXfrmMark,
} from './ip-xfrm-words.ts';
import {
  CommandError,
  findCommand,
  notEmulated,
  peek,
  take,
  takeNumber,
  takeValue,
  type Words,
  wrongArgument,
} from './words.ts';

const COMMANDS = [
  'add',
  'update',
  'delete',
  'deleteall|delall',
  'list|show|lst',
  'get',
  'flush',
  'count',
  'set',
  'setdefault',
  'getdefault',
  'help',
] as const;
const DIRECTIONS: readonly XfrmDirection[] = ['in', 'out', 'fwd'];

export function ipXfrmPolicy(command: IpCommand): number {
  const { context, netns, words } = command;
  const word = take(words);
  switch (word === null ? 'list|show|lst' : findCommand(word, COMMANDS)) {
    case 'add': {
      const spec = takePolicy(command);
      context.kernel(() => addXfrmPolicy(netns, spec));
      return 0;
    }
    case 'update': {
      const spec = takePolicy(command);
      context.kernel(() => updateXfrmPolicy(netns, spec));
      return 0;
    }
    case 'delete': {
      const id = takePolicyId(command);
      context.kernel(() => deleteXfrmPolicy(netns, id));
      return 0;
    }
    case 'deleteall|delall': {
      const isWanted = takeFilter(command);
      context.kernel(() => {
        for (const policy of listXfrmPolicies(netns).filter(isWanted)) {
          deleteXfrmPolicy(netns, policy);
        }
      });
      return 0;
    }
    case 'list|show|lst': {
      const isWanted = takeFilter(command);
      for (const policy of listXfrmPolicies(netns).filter(isWanted)) show(command, policy);
      return 0;
    }
    case 'get': {
      const id = takePolicyId(command);
      const policy = context.kernel(() => findXfrmPolicy(netns, id));
      if (policy === null) throw new KernelError('ENOENT');
      show(command, policy);
      return 0;
    }
    case 'flush':
      takeFlushType(words);
      context.kernel(() => flushXfrmPolicies(netns));
      return 0;
    case 'count':
      return showCount(command);
    case 'set':
      throw notEmulated('ip', 'xfrm policy set');
    case 'setdefault':
      return setDefaults(command);
    case 'getdefault':
      return showDefaults(command);
    case 'help':
      throw new CommandError(POLICY_USAGE, 255);
    default:
      throw new CommandError(`Command "${word}" is unknown, try "ip xfrm policy help".\n`, 255);
  }
}

function show(command: IpCommand, policy: XfrmPolicy): void {
  writeXfrm(command, policyLines(policy, styleOf(command, true)));
}

function showCount(command: IpCommand): number {
  const { context, netns, options } = command;
  const count = (direction: XfrmDirection): number =>
    listXfrmPolicies(netns).filter((policy) => policy.direction === direction).length;
  const sockets = options.statistics > 0 ? ' (Sock: IN 0 OUT 0 FWD 0)' : '';
  context.write(
    `\t SPD IN  ${count('in')} OUT ${count('out')} FWD ${count('fwd')}${sockets}\n` +
      (options.statistics > 1
        ? '\t SPD buckets: count 7 Max 1048576\n' +
          '\t SPD IPv4 thresholds: local 32 remote 32\n' +
          '\t SPD IPv6 thresholds: local 128 remote 128\n'
        : ''),
  );
  return 0;
}

function showDefaults(command: IpCommand): number {
  const blocked = command.netns.xfrm?.isBlockedByDefault;
  const text = (direction: XfrmDirection): string =>
    blocked?.[direction] === true ? 'block' : 'accept';
  command.context.write(
    `Default policies:\n in:  ${text('in')}\n fwd: ${text('fwd')}\n out: ${text('out')}\n`,
  );
  return 0;
}

function setDefaults(command: IpCommand): number {
  const { context, netns, words } = command;
  for (let word = take(words); word !== null; word = take(words)) {
    const direction = DIRECTIONS.find((each) => each === word);
    if (direction === undefined) throw wrongArgument(word, 'unknown direction');
    const action = takeValue(words);
    if (action !== 'block' && action !== 'accept' && action !== 'allow') {
      throw wrongArgument(action, `${direction} policy value is invalid`);
    }
    context.kernel(() => setDefaultXfrmPolicy(netns, direction, action === 'block'));
  }
  return 0;
}

/** What `add` and `update` say. */
function takePolicy(command: IpCommand): XfrmPolicySpec {
  const { netns, words } = command;
  const spec: Partial<Mutable<XfrmPolicySpec>> = {};
  const templates: Array<Partial<XfrmTemplate>> = [];
  const limits: Partial<Mutable<XfrmLimits>> = {};
  let selector: Partial<XfrmSelector> | null = null;
  for (let word = peek(words); word !== null; word = peek(words)) {
    words.at++;
    if (word === 'dir') {
      if (spec.direction !== undefined) throw duplicate('dir', 'dir');
      spec.direction = takeDirection(words);
    } else if (word === 'mark') spec.mark = takeXfrmMark(words);
    else if (word === 'index') spec.index = takeNumber(words, 'INDEX value is invalid');
    else if (word === 'ptype') takeType(words);
    else if (word === 'action') spec.isBlock = takeAction(words) === 'block';
    else if (word === 'priority') spec.priority = takeNumber(words, 'PRIORITY value is invalid');
    else if (word === 'flag') spec.flags = takeFlags(words, POLICY_FLAGS);
    else if (word === 'limit') takeLimit(words, limits);
    else if (word === 'tmpl') templates.push(takeTemplate(words));
    else if (['ctx', 'if_id', 'offload'].includes(word)) {
      throw notEmulated('ip', `xfrm policy ${word}`);
    } else {
      if (selector !== null) throw duplicate('unknown', word);
      words.at--;
      selector = takeSelector(words, netns);
    }
  }
  const { direction } = spec;
  if (direction === undefined) throw noDirection();
  return { ...spec, direction, selector: selector ?? {}, templates, limits };
}

const noDirection = (): CommandError =>
  new CommandError('Not enough information: DIR is required.\n', 1);

function takeAction(words: Words): string {
  const word = takeValue(words);
  if (word === 'allow' || word === 'block') return word;
  throw wrongArgument(word, 'ACTION value is invalid\n');
}

function takeFlushType(words: Words): void {
  for (let word = take(words); word !== null; word = take(words)) {
    if (word !== 'ptype') throw wrongArgument(word, 'unknown');
    takeType(words);
  }
}

function takeType(words: Words): void {
  const word = takeValue(words);
  if (word === 'sub') throw notEmulated('ip', 'xfrm policy ptype sub');
  if (word !== 'main') throw wrongArgument(word, 'PTYPE value is invalid');
}

/** TMPL; the word `tmpl` is taken already. @source xfrm_tmpl_parse() */
function takeTemplate(words: Words): Partial<XfrmTemplate> {
  const template: Partial<Mutable<XfrmTemplate>> = { protocol: 0 };
  let hasId = false;
  if (peek(words) === null) takeValue(words);
  for (let word = peek(words); word !== null; word = peek(words)) {
    words.at++;
    if (word === 'mode') template.mode = takeMode(words);
    else if (word === 'reqid') template.reqid = takeNumber(words, 'REQID value is invalid');
    else if (word === 'level') {
      const level = takeValue(words);
      if (level !== 'required' && level !== 'use') {
        throw wrongArgument(level, 'LEVEL value is invalid\n');
      }
      template.isOptional = level === 'use';
    } else {
      words.at--;
      if (hasId) break;
      hasId = true;
      const { source, target, protocol, spi } = takeId(words, false);
      template.source = source ?? 0;
      template.target = target ?? 0;
      template.protocol = protocol ?? 0;
      template.spi = spi ?? 0;
    }
  }
  return template;
}

/** What `get` and `delete` say. */
function takePolicyId(command: IpCommand): XfrmPolicyId {
  const { netns, words } = command;
  const id: Partial<Mutable<XfrmPolicyId>> = {};
  for (let word = peek(words); word !== null; word = peek(words)) {
    words.at++;
    if (word === 'dir') {
      if (id.direction !== undefined) throw duplicate('dir', 'dir');
      id.direction = takeDirection(words);
    } else if (word === 'mark') id.mark = takeXfrmMark(words);
    else if (word === 'index') id.index = takeNumber(words, 'INDEX value is invalid');
    else if (word === 'ptype') takeType(words);
    else {
      if (id.selector !== undefined) throw wrongArgument(word, 'unknown');
      words.at--;
      id.selector = takeSelector(words, netns);
    }
  }
  const { direction } = id;
  if (direction === undefined) throw noDirection();
  if (id.selector === undefined && id.index === undefined) {
    const text = 'Not enough information: either SELECTOR or INDEX is required.\n';
    throw new CommandError(text, 1);
  }
  return { ...id, direction };
}

function takeFilter(command: IpCommand): (policy: XfrmPolicy) => boolean {
  const { netns, words } = command;
  const tests: Array<(policy: XfrmPolicy) => boolean> = [];
  let hasSelector = false;
  for (let word = peek(words); word !== null; word = peek(words)) {
    words.at++;
    if (word === 'dir') {
      const direction = takeDirection(words);
      tests.push((policy) => policy.direction === direction);
    } else if (word === 'index') {
      const index = takeNumber(words, 'INDEX value is invalid');
      tests.push((policy) => policy.index === index);
    } else if (word === 'ptype') takeType(words);
    else if (word === 'action') {
      const isBlock = takeAction(words) === 'block';
      tests.push((policy) => policy.isBlock === isBlock);
    } else if (word === 'priority') {
      const priority = takeNumber(words, 'PRIORITY value is invalid');
      tests.push((policy) => policy.priority === priority);
    } else if (word === 'flag') {
      const flags = takeFlags(words, POLICY_FLAGS);
      tests.push((policy) => (policy.flags & flags) !== 0);
    } else if (word !== 'nosock') {
      if (hasSelector) throw wrongArgument(word, 'unknown');
      words.at--;
      hasSelector = true;
      const selector = takeSelector(words, netns);
      tests.push((policy) => isOfSelector(policy.selector, selector));
    }
  }
  return (policy) => tests.every((test) => test(policy));
}

function isOfSelector(selector: XfrmSelector, wanted: Partial<XfrmSelector>): boolean {
  const isSame = (key: keyof XfrmSelector): boolean =>
    wanted[key] === undefined || selector[key] === wanted[key];
  return (
    isInPrefix(selector.source, wanted.source, wanted.sourceLength) &&
    isInPrefix(selector.target, wanted.target, wanted.targetLength) &&
    isSame('protocol') &&
    isSame('sourcePort') &&
    isSame('targetPort') &&
    isSame('deviceIndex')
  );
}
