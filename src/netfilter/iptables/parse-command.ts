/**
 * Reads a command line of iptables.
 * @source iptables/xshared.c do_parse(), ipv4_post_parse()
 */
import type { Netfilter } from '../netfilter.ts';
import {
  EMPTY_SPEC,
  type RuleSpec,
  VERDICT_ACCEPT,
  VERDICT_CONTINUE,
  VERDICT_DROP,
  VERDICT_GOTO,
  VERDICT_JUMP,
  VERDICT_RETURN,
} from '../rule.ts';
import type { Table } from '../tables.ts';
import { COMMAND_LETTERS, type Command, illegalFlag, type ParsedRule } from './command.ts';
import {
  BadArgument,
  CHAIN_NAME_MAX,
  type Draft,
  loadExtension,
  makeDraft,
  type ParseOptions,
  setFlag,
} from './draft.ts';
import {
  checkComplete,
  checkGiven,
  type ExtensionOption,
  ParameterProblem,
  parseAddress,
  parseMask,
  type RuleContext,
} from './extension.ts';
import { type FoundOption, nextOption, takeArgument } from './option-reader.ts';
import { parseUnsigned } from './protocol-names.ts';
import { findTarget, isKnownTarget, protocolMatch } from './registry.ts';
import { takeHeaderOption, takeOtherOption } from './rule-options.ts';

/** Reads the words after the program's name. Throws what is wrong with them. */
export function parseCommand(
  netfilter: Netfilter,
  words: readonly string[],
  options: ParseOptions,
): Command {
  const draft = makeDraft(netfilter, words, options);
  for (;;) {
    const found = nextOption(draft.reader);
    if (found === null) break;
    takeOption(draft, found);
  }
  return finishCommand(draft);
}

function takeOption(draft: Draft, found: FoundOption): void {
  if (found.kind === 'word') {
    if (found.value !== '!') throw new BadArgument(found.value);
    if (draft.isInverted) throw new ParameterProblem('multiple consecutive ! not allowed');
    draft.isInverted = true;
    return;
  }
  if (found.kind === 'unknown') {
    if (loadProtocolMatch(draft)) {
      draft.reader.index--;
      return;
    }
    throw new ParameterProblem(`unknown option "${found.text}"`);
  }
  if (found.kind === 'extension') takeExtensionOption(draft, found);
  else takeGlobalOption(draft, found.letter, found.value);
  draft.isInverted = false;
}

/** Loads the match of `-p` because one of its options may be meant. False: there is none to load. */
function loadProtocolMatch(draft: Draft): boolean {
  const { protocol } = draft;
  if (protocol === 0 || draft.triedProtocol === protocol) return false;
  draft.triedProtocol = protocol;
  const match = protocolMatch(protocol);
  if (match === undefined) return false;
  if (draft.loaded.some((each) => each.match === match)) return false;
  loadExtension(draft, match, null);
  return true;
}

function takeExtensionOption(
  draft: Draft,
  found: { readonly extension: number; readonly option: ExtensionOption; readonly value: string },
): void {
  const loaded = draft.loaded[found.extension]!;
  const { option } = found;
  checkGiven((loaded.match ?? loaded.target)!, option, loaded.given, draft.isInverted);
  let secondValue = '';
  if (option.argumentCount === 2) {
    const second = takeArgument(draft.reader);
    if (second === null) {
      throw new ParameterProblem(`--${option.names[0]} requires two args.`);
    }
    secondValue = second;
  }
  option.check?.(found.value);
  const { isInverted } = draft;
  loaded.given.push({ name: option.names[0]!, value: found.value, secondValue, isInverted });
}

function takeGlobalOption(draft: Draft, letter: string, value: string | null): void {
  if (COMMAND_LETTERS.includes(letter)) {
    takeCommandLetter(draft, letter, value);
    return;
  }
  if ('sdpiofnx0cjg'.includes(letter)) setFlag(draft, letter);
  if ('sdiop'.includes(letter)) takeHeaderOption(draft, letter, value ?? '');
  else takeOtherOption(draft, letter, value ?? '');
}

function takeCommandLetter(draft: Draft, letter: string, value: string | null): void {
  if (draft.isInverted) throw new ParameterProblem("unexpected '!' flag");
  const { reader } = draft;
  const canJoin = letter === 'Z' && (draft.letter === 'L' || draft.letter === 'S');
  const joins = draft.letter === 'Z' && (letter === 'L' || letter === 'S');
  if (draft.letter !== '' && !canJoin && !joins) {
    throw new ParameterProblem(`Cannot use -${letter} with -${draft.letter}`);
  }
  if (canJoin || joins) draft.zeroesAfter = true;
  if (!canJoin) draft.letter = letter;
  const chain = value ?? ('LSFZX'.includes(letter) ? takeArgument(reader) : null);
  if (chain !== null) draft.chain = chain;
  if (letter === 'N') checkNewName(chain ?? '');
  if (letter === 'E') {
    const name = takeArgument(reader);
    if (name === null) {
      throw new ParameterProblem('-E requires old-chain-name and new-chain-name');
    }
    draft.newName = name;
  } else if (letter === 'P') {
    const policy = takeArgument(reader);
    if (policy === null) throw new ParameterProblem('-P requires a chain and a policy');
    draft.policy = policy;
  } else if ('IDRLSZ'.includes(letter) && chain !== null) {
    const number = takeArgument(reader);
    if (number !== null) draft.ruleNumber = parseRuleNumber(number);
    else if (letter === 'R') throw new ParameterProblem('-R requires a rule number');
  }
}

function parseRuleNumber(text: string): number {
  const number = parseUnsigned(text, 0x7fffffff);
  if (number === null || number === 0) throw new ParameterProblem(`Invalid rule number \`${text}'`);
  return number;
}

function checkNewName(name: string): void {
  if (name.startsWith('-') || name.startsWith('!')) {
    throw new ParameterProblem(`chain name not allowed to start with \`${name[0]}'`);
  }
  const isTarget = findTarget(name) !== undefined || isKnownTarget(name);
  if (name === '' || isTarget || ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'].includes(name)) {
    throw new ParameterProblem('chain name may not clash with target name');
  }
  if (/\s/.test(name)) throw new ParameterProblem(`Invalid chain name \`${name}'`);
}

function finishCommand(draft: Draft): Command {
  if (draft.tableName === 'nat' && [draft.policy, draft.jumpName].includes('DROP')) {
    throw new ParameterProblem(
      '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n',
    );
  }
  const rule = buildRule(draft);
  if (draft.letter === '') {
    throw new ParameterProblem(
      draft.isInverted ? 'nothing appropriate following !' : 'no command specified',
    );
  }
  if (draft.isInverted) throw new ParameterProblem('nothing appropriate following !');
  checkCommand(draft);
  const isRuleCommand = 'AICDR'.includes(draft.letter);
  return {
    letter: draft.letter,
    table: tableOf(draft),
    chain: draft.chain,
    ruleNumber: draft.ruleNumber,
    specs: isRuleCommand ? expandAddresses(draft, rule) : [],
    policy: draft.policy,
    newName: draft.newName,
    zeroesAfter: draft.zeroesAfter,
    isVerbose: draft.flags.includes('v'),
    isNumeric: draft.flags.includes('n'),
    isExact: draft.flags.includes('x'),
    hasLineNumbers: draft.flags.includes('0'),
    warnings: draft.warnings,
    line: draft.line,
  };
}

function tableOf(draft: Draft): Table {
  // The name was checked by takeTable, or is iptables-restore's, which checks it too.
  return draft.netfilter.tables[draft.tableName as keyof Netfilter['tables']];
}

function checkCommand(draft: Draft): void {
  const { letter, chain } = draft;
  if ('ACDI'.includes(letter)) {
    const { flags } = draft;
    if ((chain === 'PREROUTING' || chain === 'INPUT') && flags.includes('o')) {
      throw new ParameterProblem(`Can't use -o with ${chain}\n`);
    }
    if ((chain === 'POSTROUTING' || chain === 'OUTPUT') && flags.includes('i')) {
      throw new ParameterProblem(`Can't use -i with ${chain}\n`);
    }
  }
  const flag = illegalFlag(letter, draft.ruleNumber > 0, draft.flags);
  if (flag !== '') throw new ParameterProblem(`Illegal option \`-${flag}' with this command`);
  const longest = letter === 'E' ? draft.newName : chain;
  if (longest.length > CHAIN_NAME_MAX) {
    const bound = `must be under ${CHAIN_NAME_MAX + 1} chars`;
    throw new ParameterProblem(`chain name \`${longest}' too long (${bound})`);
  }
}

/** The rule without its addresses. */
function buildRule(draft: Draft): RuleSpec {
  const context: RuleContext = {
    protocol: draft.protocol,
    isProtocolInverted: draft.isProtocolInverted,
  };
  const matches: RuleSpec['matches'][number][] = [];
  let action: RuleSpec['action'] = null;
  for (const { match, target, given } of draft.loaded) {
    checkComplete((match ?? target)!, given);
    if (match !== null) matches.push(match.build(given, context));
    else if (target !== null) action = target.build(given, context);
  }
  return {
    ...EMPTY_SPEC,
    isSourceInverted: draft.isSourceInverted,
    isTargetInverted: draft.isTargetInverted,
    inInterface: draft.inInterface,
    outInterface: draft.outInterface,
    protocol: draft.protocol,
    isProtocolInverted: draft.isProtocolInverted,
    fragment: draft.fragment,
    matches,
    verdict: verdictOf(draft, action !== null),
    action,
  };
}

function verdictOf(draft: Draft, hasAction: boolean): number {
  const { jumpName, isGoto } = draft;
  if (jumpName === '' || hasAction) return VERDICT_CONTINUE;
  if (isGoto) return VERDICT_GOTO;
  if (jumpName === 'ACCEPT') return VERDICT_ACCEPT;
  if (jumpName === 'DROP') return VERDICT_DROP;
  return jumpName === 'RETURN' ? VERDICT_RETURN : VERDICT_JUMP;
}

/** `-s a,b -d c,d` is four rules. */
function expandAddresses(draft: Draft, rule: RuleSpec): ParsedRule[] {
  const sources = readAddresses(draft.source, draft.flags.includes('s'));
  const targets = readAddresses(draft.target, draft.flags.includes('d'));
  const isList = sources.length > 1 || targets.length > 1;
  if (isList && (draft.isSourceInverted || draft.isTargetInverted)) {
    throw new ParameterProblem('! not allowed with multiple source or destination IP addresses');
  }
  const isChain = rule.verdict === VERDICT_JUMP || rule.verdict === VERDICT_GOTO;
  return sources.flatMap((source) =>
    targets.map((target) => ({
      spec: {
        ...rule,
        source: source.address,
        sourceMask: source.mask,
        target: target.address,
        targetMask: target.mask,
      },
      jumpName: isChain ? draft.jumpName : '',
      packets: draft.packets,
      bytes: draft.bytes,
    })),
  );
}

interface MaskedAddress {
  readonly address: number;
  readonly mask: number;
}

function readAddresses(text: string, isGiven: boolean): MaskedAddress[] {
  if (!isGiven) return [{ address: 0, mask: 0 }];
  return text.split(',').map((part) => {
    const slash = part.indexOf('/');
    const host = slash < 0 ? part : part.slice(0, slash);
    const mask = slash < 0 ? -1 : parseMask(part.slice(slash + 1));
    if (mask === null)
      throw new ParameterProblem(`invalid mask \`${part.slice(slash + 1)}' specified`);
    const address = parseAddress(host);
    if (address === null) throw new ParameterProblem(`host/network \`${host}' not found`);
    return { address: address & mask, mask };
  });
}
