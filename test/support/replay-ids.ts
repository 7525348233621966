// Which id of a run stands for which one of a recording. Nobody writes a list: what a command printed there and
// what it prints here names the same things in the same order.

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
/** Words of twelve letters are no ids, and pids are numbers. */
const IS_ID = /^(?=.*[a-z])(?=.*\d)|^veth|^lb_|^1-/;

export interface IdMap {
  /** Recorded name -> own name. */
  readonly names: Map<string, string>;
  /** The join token that was printed last. */
  token: string;
}

export function makeIdMap(): IdMap {
  return { names: new Map(), token: '' };
}

/** Learns from one command's two outputs. */
export function learnIds(map: IdMap, recorded: string, own: string): void {
  map.token = /SWMTKN-1-\S+/.exec(own)?.[0] ?? map.token;
  for (const kind of KINDS) {
    const theirs = idsIn(recorded, kind);
    const ours = idsIn(own, kind);
    if (theirs.length !== ours.length) continue;
    const taken = new Set(map.names.values());
    theirs.forEach((id, at) => {
      if (!map.names.has(id) && !taken.has(ours[at]!)) map.names.set(id, ours[at]!);
    });
  }
}

/** The names in a text, each once, that are not known to be something else. */
function idsIn(text: string, kind: RegExp): string[] {
  const found = [...text.matchAll(kind)].map(([id]) => id).filter((id) => IS_ID.test(id));
  return [...new Set(found)];
}

/** A recorded command with the names of this run. */
export function translateCommand(map: IdMap, text: string): string {
  let result = text.replaceAll('SWMTKN-1-<masked>', map.token);
  for (const kind of KINDS) result = result.replace(kind, (id) => ownName(map, id));
  return result;
}

/** What a recorded name is here; itself if nobody knows. */
export function ownName({ names }: IdMap, id: string): string {
  const known = names.get(id);
  if (known !== undefined) return known;
  const [, prefix = '', rest = id] = /^(1-|lb_)?(.*)$/.exec(id)!;
  for (const [theirs, ours] of names) {
    if (theirs.startsWith(rest)) return prefix + ours.slice(0, rest.length);
  }
  return id;
}
