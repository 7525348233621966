/**
 * A lab: a Markdown text whose fenced blocks show prompts, commands and what they print.
 *
 *     ---
 *     title: Names
 *     docker: { nodes: 2 }
 *     ---
 *     ```console
 *     node1$ docker run -d --name web nginx
 *     ...
 *     client$ curl -s http://192.168.0.11/
 *     ```
 *
 * The word before `$` or `#` is the machine (or a container that the lab makes). Front matter is
 * optional: the world has as many nodes as the prompts name.
 */
import { parse as parseYaml } from 'yaml';
import { NetsimError } from '../base/errors.ts';
import { NODES_MAX } from '../topology/docker-world.ts';

/** One command with what the text shows as its output. */
export interface LabStep {
  /** Of the command's first line, from 1. */
  readonly line: number;
  /** Empty for the machine that is first. */
  readonly place: string;
  readonly command: string;
  /** Null if the block shows no output at all: then there is nothing to compare. */
  readonly expected: string | null;
}

export interface Lab {
  /** Front matter, as it is; empty without one. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly steps: readonly LabStep[];
  /** The highest N of the nodeN in it, at least 1. */
  readonly nodes: number;
}

/** Commands in one lab at most. */
const STEPS_MAX = 10_000;
/** Info strings of blocks in which a bare `$` is a prompt. */
const SESSION_BLOCKS = new Set(['console', 'shell-session', 'sh-session', 'session']);

interface Block {
  readonly info: string;
  /** Line number of its first line. */
  readonly line: number;
  readonly lines: readonly string[];
}

/**
 * Reads a lab.
 * @param isUnfinished whether a command needs another line.
 * @throws NetsimError if the front matter is no YAML, or there is no command.
 */
export function parseLab(
  text: string,
  file: string,
  isUnfinished: (command: string) => boolean,
): Lab {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const { settings, bodyLine } = readFrontMatter(lines, file);
  const isPlace = placesOf(text);
  const steps: LabStep[] = [];
  for (const block of blocksOf(lines, bodyLine)) {
    steps.push(...stepsOf(block, isPlace, isUnfinished));
    if (steps.length > STEPS_MAX) {
      throw new NetsimError('lab-limit', `more than ${STEPS_MAX} commands`, { where: { file } });
    }
  }
  if (steps.length === 0) {
    throw new NetsimError('lab-empty', 'there is no command in this text', {
      where: { file },
      hint: 'a fenced block with lines like "node1$ docker ps"',
    });
  }
  const numbers = [...text.matchAll(/\bnode(\d{1,3})\b/g)].map((match) => Number(match[1]));
  return { settings, steps, nodes: Math.min(NODES_MAX, Math.max(1, ...numbers)) };
}

function readFrontMatter(
  lines: readonly string[],
  file: string,
): { settings: Lab['settings']; bodyLine: number } {
  const end = lines.indexOf('---', 1);
  if (lines[0] !== '---' || end < 0) return { settings: {}, bodyLine: 0 };
  let settings: unknown;
  try {
    settings = parseYaml(lines.slice(1, end).join('\n'), { maxAliasCount: 0 }) ?? {};
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0] ?? ''; // the package throws nothing else
    throw new NetsimError('lab-front-matter', `front matter: ${reason}`, {
      where: { file, line: 1 },
    });
  }
  const isObject = typeof settings === 'object' && settings !== null && !Array.isArray(settings);
  // Checked above: an object.
  return { settings: isObject ? (settings as Lab['settings']) : {}, bodyLine: end + 1 };
}

/** Which words before `$` or `#` are prompts: machines, and containers that the lab names. */
function placesOf(text: string): (word: string) => boolean {
  const containers = new Set([...text.matchAll(/--name[ =]([\w.-]+)/g)].map((match) => match[1]!));
  return (word) => /^(node\d+|client|internet|host|router)$/.test(word) || containers.has(word);
}

function blocksOf(lines: readonly string[], start: number): Block[] {
  const blocks: Block[] = [];
  for (let i = start; i < lines.length; i++) {
    const open = /^( {0,3})(`{3,}|~{3,})\s*([^`]*)$/.exec(lines[i]!);
    if (open === null) continue;
    const fence = open[2]!;
    const first = i + 1;
    const isEnd = (line: string): boolean => {
      const close = line.trim();
      return close.startsWith(fence) && close.replaceAll(fence[0]!, '') === '';
    };
    while (i + 1 < lines.length && !isEnd(lines[i + 1]!)) i++;
    const indent = open[1]!.length;
    blocks.push({
      info: open[3]!.trim().split(/\s/)[0] ?? '',
      line: first + 1,
      lines: lines
        .slice(first, i + 1)
        .map((line) => line.replace(new RegExp(`^ {0,${indent}}`), '')),
    });
    i++;
  }
  return blocks;
}

interface OpenStep {
  readonly line: number;
  readonly place: string;
  command: string;
  readonly output: string[];
}

function stepsOf(
  block: Block,
  isPlace: (word: string) => boolean,
  isUnfinished: (command: string) => boolean,
): LabStep[] {
  const open: OpenStep[] = [];
  // Where prompts name their machine, a line that starts with # is output.
  const isNamed = block.lines.some((line) => readPrompt(line, '', isPlace) !== null);
  const info = isNamed ? '' : block.info;
  block.lines.forEach((line, index) => {
    const last = open.at(-1);
    if (last !== undefined && last.output.length === 0 && isUnfinished(last.command)) {
      last.command += `\n${line.replace(/^> ?/, '')}`;
      return;
    }
    const prompt = readPrompt(line, info, isPlace);
    if (prompt !== null) open.push({ line: block.line + index, ...prompt, output: [] });
    else last?.output.push(line);
  });
  const showsOutput = open.some(({ output }) => output.some((line) => line.trim() !== ''));
  return open
    .filter(({ command }) => command.trim() !== '')
    .map(({ line, place, command, output }) => ({
      line,
      place,
      command,
      expected: showsOutput ? output.join('\n') : null,
    }));
}

/** `node1$ ip a`, `root@node1:~# ip a`, in a block of a session also `$ ip a`. */
function readPrompt(
  line: string,
  info: string,
  isPlace: (word: string) => boolean,
): { place: string; command: string } | null {
  const bare = /^[$#](?: (.*))?$/.exec(line);
  if (bare !== null && (bare[0].startsWith('$') || info === 'console')) {
    return SESSION_BLOCKS.has(info) ? { place: '', command: bare[1] ?? '' } : null;
  }
  const match = /^(?:[\w-]+@)?([\w.-]+)(?::[^\s$#]*)?[$#](?: +(.*))?$/.exec(line);
  if (match === null || !isPlace(match[1]!)) return null;
  return { place: match[1]!, command: match[2] ?? '' };
}
