/**
 * Takes from the output of a command what no two runs have in common: ids, dates, durations, random
 * MACs and ports, round-trip times, counters of policies. What stays must be equal.
 */

type Rewrite = readonly [pattern: RegExp, replacement: string];

const HEX_PAIR = '[0-9a-f]{2}';
const MONTHS = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec';
const DAYS = 'Mon|Tue|Wed|Thu|Fri|Sat|Sun';

const DATES: readonly Rewrite[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<date>'],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}( [A-Z]{3,4})?/g, '<date>'],
  [
    new RegExp(`\\b(${DAYS}) (${MONTHS}) +\\d+ \\d\\d:\\d\\d:\\d\\d( [A-Z]{3,4})? \\d{4}`, 'g'),
    '<date>',
  ],
  [new RegExp(`\\b(${DAYS}), \\d\\d (${MONTHS}) \\d{4} \\d\\d:\\d\\d:\\d\\d GMT`, 'g'), '<date>'],
  [/^\d\d:\d\d:\d\d\.\d{6}\b/gm, '<time>'],
];

const DURATIONS: readonly Rewrite[] = [
  [/\btime=[\d.]+ ms/g, 'time=<t> ms'],
  [/\btime \d+ms/g, 'time <t>ms'],
  [/(min\/avg\/max(?:\/mdev)? = )[\d./]+ ms(, pipe \d+)?/g, '$1<t> ms'],
  [/\b\d+\.\d{3} ms\b/g, '<t> ms'],
  [
    /\b(?:[Aa]bout an? (?:minute|hour)|[Ll]ess than a second|\d+ (?:second|minute|hour|day|week|month|year)s?)\b/g,
    '<duration>',
  ],
  [/\b(hello_timer|tcn_timer|topology_change_timer|gc_timer) +[\d.]+/g, '$1 <t>'],
  [/^(;; Query time:) \d+ msec/gm, '$1 <t> msec'],
  [/^((?:tcp|udp|icmp) +\d+) \d+ /gm, '$1 <t> '],
];

const IDS: readonly Rewrite[] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b8000\.[0-9a-f]{12}\b/g, '8000.<mac>'],
  [/\b8000\.[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}/g, '8000.<mac>'],
  [/\b[0-9a-f]{12}\b/g, '<id>'],
  [/\bSWMTKN-1-[0-9a-z-]+/g, '<token>'],
  [/\b1-[0-9a-z]{10}\b/g, '1-<id>'],
  [/\blb_[0-9a-z]{9}\b/g, 'lb_<id>'],
  // A swarm's objects: 25 letters and digits, or the first 12 of them.
  [/\b[0-9a-z]{25}\b/g, '<id>'],
  [/\b(?=[a-z]*\d)(?=\d*[a-z])[0-9a-z]{12}\b/g, '<id>'],
  [/\bveth[0-9a-f]{7}\b/g, 'veth<id>'],
  [/\b(opcode: \w+, status: \w+, id:) \d+/g, '$1 <n>'],
  [/^(; COOKIE:) [0-9a-f]+.*/gm, '$1 <id>'],
  [/\b(pid|fd)=\d+/g, '$1=<n>'],
  [/\bid=\d+/g, 'id=<n>'],
  [/\b(ETag:) .*/g, '$1 <id>'],
  [/(\s)[a-z]{3,}_[a-z]{3,}\d?$/gm, '$1<name>'],
];

const NUMBERS: readonly Rewrite[] = [
  [/\[\d+:\d+\]/g, '[<n>:<n>]'],
  [/\b([sd]port)=(?:3[2-9]|[4-6]\d)\d{3}\b/g, '$1=<port>'],
  [/(\bIP \d+\.\d+\.\d+\.\d+\.)(?:3[2-9]|[4-6]\d)\d{3}\b/g, '$1<port>'],
  [/( > \d+\.\d+\.\d+\.\d+\.)(?:3[2-9]|[4-6]\d)\d{3}\b/g, '$1<port>'],
  [/\b(seq|ack|val|ecr) \d{6,}(:\d+)?/g, '$1 <n>'],
  [/\b(echo (?:request|reply), id) \d+/g, '$1 <n>'],
];

/** MACs that follow from an address (02:42:0a..., 02:42:ac..., 02:42:c0...) or belong to a machine. */
const KEPT_MAC = /^(02:42:(0a|ac|c0):|52:54:00:|00:00:00:00:00:00|ff:ff|01:|33:33:)/;
const MAC = new RegExp(`\\b${HEX_PAIR}(?::${HEX_PAIR}){5}\\b`, 'g');

/** Addresses of the other protocol: netsim has none. */
const IPV6: readonly Rewrite[] = [
  [/^ +inet6 .*\n( +valid_lft .*\n)?/gm, ''],
  [/ (?:fe80:[0-9a-f:]+\/64|::1\/128)/g, ''],
];

/** The output in the form in which two runs are compared. */
export function normaliseOutput(text: string): string {
  let result = `${text.replaceAll('\r\n', '\n').trimEnd()}\n`;
  for (const [pattern, replacement] of IPV6) result = result.replace(pattern, replacement);
  result = result.replace(MAC, (mac) => (KEPT_MAC.test(mac) ? mac : '<mac>'));
  for (const rules of [DATES, DURATIONS, IDS, NUMBERS]) {
    for (const [pattern, replacement] of rules) result = result.replace(pattern, replacement);
  }
  return result
    .split('\n')
    .map((line) => line.trimEnd().replace(/(\S) {2,}/g, '$1  '))
    .join('\n')
    .trimEnd();
}

/**
 * A JSON document with what hangs on ids in an order of its own: members of an object whose names
 * are all ids are sorted by what they say. Null if the text is no JSON document.
 */
export function normaliseJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  return normaliseOutput(JSON.stringify(withoutIdOrder(document), null, 1));
}

function withoutIdOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIdOrder);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(
    ([name, each]) => [name, withoutIdOrder(each)] as const,
  );
  const isById = members.length > 0 && members.every(([name]) => /^[0-9a-f]{64}$/.test(name));
  if (!isById) return Object.fromEntries(members);
  const textOf = (member: readonly [string, unknown]): string =>
    normaliseOutput(JSON.stringify(member));
  members.sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  return members;
}
