// Which name of a run stands for which one of a recording. Nobody writes a list: lines that are the same but for
// their random names tell it, in the order of their appearance.

/** Random names that outputs show, longest first. */
const KINDS: readonly RegExp[] = [
  /\b[0-9a-f]{64}\b/g,
  /\b[0-9a-z]{25}\b/g,
  /\b1-[0-9a-z]{10}\b/g,
  /\blb_[0-9a-z]{9}\b/g,
  /\bveth[0-9a-f]{7}\b/g,
  /\b[0-9a-f]{12}\b/g,
  /\b[0-9a-z]{12}\b/g,
];
const ALL = new RegExp(KINDS.map(({ source }) => source).join('|'), 'g');
/** Words of twelve letters are no ids, and pids are numbers. */
const IS_ID = /^(?=.*[a-z])(?=.*\d)|^veth|^lb_|^1-/;

export interface IdMap {
  /** Recorded name -> own name, and back. */
  readonly names: Map<string, string>;
  readonly back: Map<string, string>;
  /** Recorded names by number, as comparisons show them. */
  readonly numbers: Map<string, number>;
  /** The join token that was printed last. */
  token: string;
}

export function makeIdMap(): IdMap {
  return { names: new Map(), back: new Map(), numbers: new Map(), token: '' };
}

/** Learns from one command's two outputs, already rid of everything else that cannot agree. */
export function learnIds(map: IdMap, recorded: string, own: string): void {
  const theirs = linesBySkeleton(recorded);
  for (const [skeleton, ours] of linesBySkeleton(own)) {
    const lines = theirs.get(skeleton);
    if (lines?.length !== ours.length) continue;
    lines.forEach((ids, at) => {
      ids.forEach((id, index) => {
        note(map, id, ours[at]![index]!);
      });
    });
  }
}

/** The names of each line, by the line without its names; lines with the same names count once. */
function linesBySkeleton(text: string): Map<string, string[][]> {
  const found = new Map<string, string[][]>();
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    const ids = [...line.matchAll(ALL)].map(([id]) => id).filter((id) => IS_ID.test(id));
    const skeleton = line.replace(ALL, (id) => (IS_ID.test(id) ? `<${id.length}>` : id));
    if (ids.length === 0 || seen.has(line)) continue;
    seen.add(line);
    found.set(skeleton, [...(found.get(skeleton) ?? []), ids]);
  }
  return found;
}

function note(map: IdMap, theirs: string, ours: string): void {
  if (theirName(map, ours) !== ours || ownName(map, theirs) !== theirs) return;
  map.names.set(theirs, ours);
  map.back.set(ours, theirs);
}

/** A recorded command with the names of this run. */
export function translateCommand(map: IdMap, text: string): string {
  const result = text.replaceAll('SWMTKN-1-<masked>', map.token);
  return result.replace(ALL, (id) => ownName(map, id));
}

/** What a recorded name is here; itself if nobody knows. */
export function ownName({ names }: IdMap, id: string): string {
  return lookUp(names, id);
}

/** What an own name is in the recording; itself if nobody knows. */
export function theirName({ back }: IdMap, id: string): string {
  return lookUp(back, id);
}

/** Also by the beginning of a longer one, and the other way round. */
function lookUp(names: ReadonlyMap<string, string>, id: string): string {
  const known = names.get(id);
  if (known !== undefined) return known;
  const [, prefix = '', rest = id] = /^(1-|lb_)?(.*)$/.exec(id)!;
  if (rest.startsWith('veth')) return id;
  for (const [one, other] of names) {
    // Of a container only the short form was printed.
    if (rest.length === 64 && one.length === 12 && rest.startsWith(one)) return other;
    if (one.length > rest.length && one.startsWith(rest)) {
      return prefix + other.slice(0, rest.length);
    }
  }
  return id;
}

/**
 * Names as numbers. A recorded one has a number of its own, an own one that of the recorded one that it
 * stands for; one that stands for nothing has none.
 */
export function numberIds(map: IdMap, text: string, isOwn: boolean): string {
  return text.replace(ALL, (id) => {
    if (!IS_ID.test(id)) return id;
    const theirs = isOwn ? theirName(map, id) : id;
    const counterpart = isOwn ? theirs : ownName(map, id);
    const kind = `${/^(1-|lb_|veth)?/.exec(id)![0]}${id.length}`;
    if (counterpart === id) return `<id ${kind}>`;
    // Short and long forms of a name have one number.
    const key = theirs.replace(/^(1-|lb_)/, '').slice(0, 9);
    const number = map.numbers.get(key) ?? map.numbers.size + 1;
    map.numbers.set(key, number);
    return `<id ${kind} ${number}>`;
  });
}
