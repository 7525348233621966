import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type IptablesResult,
  runIptables,
  runIptablesRestore,
  runIptablesSave,
} from '../../../../src/netfilter/iptables/iptables.ts';
import type { Netfilter } from '../../../../src/netfilter/netfilter.ts';
import { makeBench } from '../../../support/netfilter.ts';
import { shellWords } from '../../../support/shell-words.ts';

const FIXTURES = new URL('../../../fixtures/iptables/', import.meta.url);

function readFixture(name: string): string {
  return readFileSync(new URL(name, FIXTURES), 'utf8');
}

const DATE = / on [A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \d{4}$/gm;

const withoutDate = (text: string): string => text.replace(DATE, ' on DATE');

/** One command of a recording, run in netsim; null: a shell line that is no single command. */
function runLine(netfilter: Netfilter, line: string): IptablesResult | null {
  const piped = /^printf '(.*)' \| iptables-restore ?(.*)$/.exec(line);
  if (piped !== null) {
    const input = piped[1]!.replaceAll('\\n', '\n');
    return runIptablesRestore(netfilter, shellWords(piped[2]!), input);
  }
  const [program, ...args] = shellWords(line);
  if (program === 'iptables') return runIptables(netfilter, args);
  if (program === 'iptables-save') return runIptablesSave(netfilter, args);
  if (program === 'iptables-restore') return runIptablesRestore(netfilter, args, '');
  return null;
}

/** The result as the recorder writes it. */
function recorded(result: IptablesResult): string {
  const errors = result.stderr.replace(/^(?=.|\n)/gm, 'E: ').replace(/E: $/, '');
  const code = result.exitCode === 0 ? '' : `[exit code ${result.exitCode}]\n`;
  return withoutDate(result.stdout + errors + code);
}

const recordings = readdirSync(FIXTURES).filter((name) => name.endsWith('.txt'));

describe('iptables, against recordings of iptables v1.8.9 (nf_tables)', () => {
  it.each(recordings)('prints what the real one printed: %s', (name) => {
    const { netfilter } = makeBench();
    const blocks = readFixture(name).split(/^\$ /m).slice(1);
    expect(blocks.length).toBeGreaterThan(20);
    for (const block of blocks) {
      const end = block.indexOf('\n');
      const line = block.slice(0, end);
      // Two commands on a line: a list of plain commands.
      const parts = line.startsWith('printf') ? [line] : line.split('; ');
      let printed = '';
      for (const part of parts) {
        const result = runLine(netfilter, part);
        expect(result, line).not.toBeNull();
        printed += recorded(result!);
      }
      expect(`$ ${line}\n${printed}`).toBe(`$ ${block}`);
    }
  });
});

describe('iptables-save, against the tables of real Docker hosts', () => {
  const dumps = readdirSync(new URL('docker/', FIXTURES)).filter((name) => !/-list/.test(name));

  it.each(dumps)('gives back what was restored: %s', (name) => {
    const { netfilter } = makeBench();
    netfilter.iptablesVersion = '1.8.11';
    const dump = readFixture(`docker/${name}`);
    const result = runIptablesRestore(netfilter, ['-c'], dump);
    expect(result).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    const saved = runIptablesSave(netfilter, []).stdout;
    expect(withoutDate(saved)).toBe(withoutDate(dump));
  });

  it('lists them with counters', () => {
    const { netfilter } = makeBench();
    netfilter.iptablesVersion = '1.8.11';
    runIptablesRestore(netfilter, ['-c'], readFixture('docker/web1.txt'));
    // The dump has no counters of rules; the recorded listing names them.
    const { nat } = netfilter.tables;
    const count = (chain: string, number: number, packets: number, bytes: number): void => {
      const found = [...nat.base, ...nat.userChains].find((each) => each?.name === chain);
      const rule = found?.rules[number - 1];
      expect(rule).toBeDefined();
      Object.assign(rule!, { packets, bytes });
    };
    count('PREROUTING', 1, 1, 84);
    count('POSTROUTING', 1, 18, 1080);
    count('DOCKER', 1, 1, 84);
    const listed = runIptables(netfilter, ['-t', 'nat', '-L', '-n', '-v']).stdout;
    expect(listed).toBe(readFixture('docker/web1-nat-list.txt'));
  });
});

describe('what netsim does not emulate', () => {
  it.each([
    ['-A INPUT -m owner --uid-owner 0', 'match owner'],
    ['-A INPUT -m recent --set', 'match recent'],
    ['-A INPUT -m set --match-set x src', 'match set'],
    ['-A INPUT -j NFQUEUE', 'target NFQUEUE'],
    ['-t raw -A PREROUTING -j CT --zone 5', 'option --zone of target CT'],
  ])('is refused by name: %s', (line, what) => {
    const { netfilter } = makeBench();
    const result = runIptables(netfilter, shellWords(line));
    expect(result).toEqual({
      stdout: '',
      stderr: `iptables: ${what} is not emulated by netsim\n`,
      exitCode: 2,
    });
  });
});
