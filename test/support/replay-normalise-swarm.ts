// What cannot agree between a recorded swarm and netsim, beside what replay-normalise.ts names for one host.
//
// - Random: ids of swarm objects, names of sandboxes, join tokens, the order of answers of the embedded DNS and of
//   Go's maps; which of a service's tasks was heard of first, so that a round of `curl` begins with it: containers
//   that only a web server's answers name are numbered as they appear.
// - Of the moment: which of two streams `docker exec` reads first; ages of tasks, versions (Raft's index), how often a progress line is repeated.
// - Of the wire: sizes of the control plane's encrypted messages, so the counters of chains' policies.
import { type IdMap, numberIds } from './replay-ids.ts';
import { makeIdNumbers, normalisedLines } from './replay-normalise.ts';

const RULES: ReadonlyArray<readonly [RegExp, string]> = [
  [/SWMTKN-1-\S+/g, 'SWMTKN-1-<masked>'],
  [/"(TrustRoot|CertIssuerPublicKey)": ".*"/g, '"$1": "<masked>"'],
  [/"Index": \d+/g, '"Index": N'],
  [/^(.*\s)[A-Z][a-z]{2} +\d+ \d\d:\d\d /gm, '$1DATE '],
  [/^(:[A-Z]\S* \S+) \[\d+:\d+\]/gm, '$1 [N:N]'],
  [/create\+converge (\S+) \d+ ms/g, 'create+converge $1 T ms'],
  [/(gc_timer|_timer) +[\d.]+/g, '$1 T'],
  // How many devices the client had before its cables.
  [/^(2: eth0@if|eth0@if)\d+(?=.*(192\.168\.0|1500))/gm, '$1N'],
];
/** `docker exec` reads both streams of a program at once: of two lines of one moment either may come first. */
const PIPES = /^(PING .*)\n(ping: local error: .*)$/gm;
const CONTAINER_AGE = /Less than a second|About an? (minute|hour)|\d+ (second|minute|hour)s?/g;
/** Ages in tables of tasks. */
const TASK_AGE = /less than a second|about an? (minute|hour)|\d+ (second|minute|hour)s?(?= ago)/gi;

/** An output without what cannot agree but for random names: these are left as they are. */
export function plainText(command: string, output: string): string {
  let text = output;
  for (const [pattern, replacement] of RULES) text = text.replace(pattern, replacement);
  if (/docker (service|stack|node)/.test(command)) {
    text = narrow(dropRepeats(text.replace(TASK_AGE, 'AGO')));
  }
  if (/docker ps/.test(command)) text = text.replace(CONTAINER_AGE, 'AGO').replace(/ {3,}/g, '  ');
  if (/\bdig\b|\bnslookup\b/.test(command)) text = sortAnswers(text);
  if (/docker exec/.test(command)) text = text.replace(PIPES, '$2\n$1');
  if (/netns/.test(command)) text = sortBlocks(text);
  if (/ipvsadm/.test(command) && / -\w*c\b/.test(command)) text = connectionRows(text);
  if (/ip -\S+ neigh/.test(command)) text = text.split('\n').sort().join('\n').trimStart();
  return sortTasks(text);
}

/** The output of one command of a swarm lab with all that cannot agree made equal, as lines. */
export function swarmLines(command: string, output: string, ids: IdMap, isOwn: boolean): string[] {
  const plain = plainText(command, output);
  const isKnown = (id: string): boolean => (isOwn ? ids.back : ids.names).has(id);
  const text = isAnswered(command) ? numberAnswers(plain, isKnown) : plain;
  return normalisedLines(command, numberIds(ids, text, isOwn), makeIdNumbers());
}

/** What web servers answer: `ID from ADDRESS`. */
export function isAnswered(command: string): boolean {
  return /\bcurl\b/.test(command);
}

/** Containers that nothing has named before, by their place in the round. */
function numberAnswers(text: string, isKnown: (id: string) => boolean): string {
  const places = new Map<string, number>();
  return text.replace(/^[0-9a-f]{12}(?= from )/gm, (id) => {
    if (isKnown(id)) return id;
    const place = places.get(id) ?? places.size + 1;
    places.set(id, place);
    return `<answer ${place}>`;
  });
}

function narrow(text: string): string {
  return text.replace(/[ ]+$/gm, '').replace(/[ ]{3,}/g, '  ');
}

/** The recorder kept one of several equal progress lines in a row. */
function dropRepeats(text: string): string {
  const lines = text.split('\n');
  const isProgress = (line: string): boolean => /^(overall progress|verify|rollback):/.test(line);
  return lines
    .filter((line, at) => !isProgress(line) || line.trimEnd() !== lines[at - 1]?.trimEnd())
    .join('\n');
}

/** Answers of one name come in any order: rows of `dig`, addresses of `dig +short`, of `nslookup`. */
function sortAnswers(text: string): string {
  const rows = text.split('\n');
  const kindOf = (row: string): string =>
    /^(\S+\s+\d+\s+IN\s+A\s)/.exec(row)?.[1] ?? (/^(\d+\.){3}\d+$/.test(row) ? 'short' : '');
  const sorted: string[] = [];
  let group: string[] = [];
  for (const row of rows) {
    const words = row.trimEnd().split(' ');
    if (words.length > 1 && words.every((word) => /^(\d+\.){3}\d+$/.test(word))) {
      sorted.push(...group.sort(), words.sort().join(' '));
      group = [];
    } else if (kindOf(row) !== '' && (group.length === 0 || kindOf(group[0]!) === kindOf(row))) {
      group.push(row);
    } else {
      sorted.push(...group.sort());
      group = kindOf(row) === '' ? [] : [row];
      if (kindOf(row) === '') sorted.push(row);
    }
  }
  const text2 = [...sorted, ...group.sort()].join('\n');
  const pairs = /(?:Name:\t(\S+)\nAddress: .*\n){2,}/g;
  return text2.replace(pairs, (block) => {
    const entries = block.match(/Name:.*\nAddress: .*\n/g) ?? [];
    return entries.sort().join('');
  });
}

/** Sandboxes are listed by their random names: `== NAME` and what follows, and rows of `ls`. */
function sortBlocks(text: string): string {
  if (/^== /m.test(text)) {
    const blocks = text.split(/^(?=== )/m).map((block) => block.replace(/(?<!\n)$/, '\n'));
    const bodyOf = (block: string): string =>
      block.replace(/== (?=[0-9a-f]{12}\n)\S+/, '== container').replaceAll(/@if\d+ */g, '@if ');
    return blocks.sort((a, b) => (bodyOf(a) < bodyOf(b) ? -1 : 1)).join('');
  }
  const lines = text.split('\n');
  const isSandbox = (line: string): boolean => /(^|DATE )(1-|lb_|ingress|[0-9a-f]{12}$)/.test(line);
  const keyOf = (line: string): string => line.replace(/[0-9a-f]{12}$/, 'container');
  const rows = lines.filter(isSandbox).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return lines.map((line) => (isSandbox(line) ? rows.shift()! : line)).join('\n');
}

/** Connections of IPVS come in the order of a hash. */
function connectionRows(text: string): string {
  const lines = text.trimEnd().split('\n');
  const plain = (line: string): string =>
    line
      .replace(/ \d\d:\d\d +/, ' T ')
      .replace(/(\d):(3[2-9]|[45]\d|60)\d{3}\b/g, '$1:P')
      .replace(/ +/g, ' ');
  const rows = lines.filter((line) => /^(TCP|UDP|SCTP|IP)\b/.test(line)).map(plain);
  return [...lines.filter((line) => !/^(TCP|UDP|SCTP|IP)\b/.test(line)), ...rows.sort()].join('\n');
}

/** Tasks of a service in `network inspect --verbose`, which Go's map puts in any order. */
function sortTasks(text: string): string {
  const lists = text.replace(/"Tasks": \[\n([\s\S]*?)\n( *)\](?=\n)/g, (_all, body, margin) => {
    const entries = String(body).split(/,\n(?= *\{\n *"Name")/);
    const addressOf = (entry: string): string => /"EndpointIP": "(.*)"/.exec(entry)?.[1] ?? '';
    entries.sort((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1));
    return `"Tasks": [\n${entries.join(',\n')}\n${margin}]`;
  });
  return lists.replace(/"t":\[([^\]]*)\]/g, (_all, body) => {
    return `"t":[${String(body).split(',').sort().join(',')}]`;
  });
}
