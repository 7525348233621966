/**
 * Filter expressions of tcpdump (pcap-filter(7)) as predicates over frames: parser and combination;
 * what single terms mean is in packet-filter-terms.ts. `and` and `or` bind equally and to the left,
 * `not` binds closest, and a bare value repeats the qualifiers of the term before it.
 * @source libpcap 1.10 grammar.y.in, scanner.l
 */

import { makeRelation, startsRelation } from './packet-filter-relation.ts';
import {
  FilterError,
  type FilteredPacket,
  type FilterTerm,
  makeTerm,
  type Qualifiers,
  SYNTAX_ERROR,
  type TermScope,
} from './packet-filter-terms.ts';

export type { FilteredPacket } from './packet-filter-terms.ts';
export { FilterError } from './packet-filter-terms.ts';

/** Whether a frame passes. */
export type PacketFilter = (packet: FilteredPacket) => boolean;

/** Words of an expression; parentheses and operators stand alone. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const pattern =
    /\s+|([()[\],])|(&&|\|\||<<|>>|[<>=!]=|[!<>=&|+*%^~])|(\/)|([^\s()[\],&|<>=!+*%^~/]+)/y;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) throw new FilterError(SYNTAX_ERROR);
    at = pattern.lastIndex;
    const token = match[1] ?? match[2] ?? match[3] ?? match[4];
    if (token !== undefined) tokens.push(token);
  }
  return tokens;
}

/** Reading position, and what a bare value would mean. */
export interface FilterParser {
  readonly tokens: readonly string[];
  at: number;
  qualifiers: Qualifiers;
  readonly scope: TermScope;
}

/**
 * Compiles an expression; an empty one passes everything.
 * @param resolve finds the addresses (int32) of a host name; empty for an unknown one.
 * @throws FilterError with the words of tcpdump.
 */
export function compileFilter(
  text: string,
  resolve: (name: string) => readonly number[] = () => [],
): PacketFilter {
  const tokens = tokenize(text);
  if (tokens.length === 0) return () => true;
  const parser: FilterParser = {
    tokens,
    at: 0,
    qualifiers: { protocol: null, direction: null, type: null },
    scope: { linkShift: 0, resolve },
  };
  const term = parseExpression(parser);
  if (parser.at < tokens.length) throw new FilterError(SYNTAX_ERROR);
  return term;
}

function peek(parser: FilterParser): string | undefined {
  return parser.tokens[parser.at];
}

function parseExpression(parser: FilterParser): FilterTerm {
  let left = parseUnary(parser);
  for (;;) {
    const operator = peek(parser);
    if (operator !== 'and' && operator !== '&&' && operator !== 'or' && operator !== '||') {
      return left;
    }
    parser.at++;
    const first = left;
    const second = parseUnary(parser);
    left =
      operator === 'and' || operator === '&&'
        ? (packet) => first(packet) && second(packet)
        : (packet) => first(packet) || second(packet);
  }
}

function parseUnary(parser: FilterParser): FilterTerm {
  const token = peek(parser);
  if (token === 'not' || token === '!') {
    parser.at++;
    const inner = parseUnary(parser);
    return (packet) => !inner(packet);
  }
  if (startsRelation(parser)) return makeRelation(parser);
  if (token === '(') {
    parser.at++;
    const inner = parseExpression(parser);
    if (peek(parser) !== ')') throw new FilterError(SYNTAX_ERROR);
    parser.at++;
    return inner;
  }
  return makeTerm(parser);
}
