import { describe, expect, test } from 'vitest';
import {
  type CommandLine,
  listOf,
  readCommandLine,
  textOf,
  UsageError,
} from '../../../../../src/shell/programs/docker/command-line.ts';
import {
  networkConnect,
  networkLs,
} from '../../../../../src/shell/programs/docker/network-commands.ts';
import {
  consolidate,
  networkCreate,
} from '../../../../../src/shell/programs/docker/network-create.ts';
import { runCommand } from '../../../../../src/shell/programs/docker/run.ts';

function read(words: string): CommandLine {
  return readCommandLine(runCommand, words.split(' '));
}

function refusal(act: () => unknown): { message: string; exitCode: number } {
  try {
    act();
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, exitCode: error.exitCode };
    throw error;
  }
  throw new Error('accepted');
}

describe('flags', () => {
  test('are read in every form', () => {
    const line = read(
      '-dt --name c1 -p8080:80 -p=81:81 -p 82:82 --env=A=b -eC=d ubuntu sleep -x 1',
    );
    expect(line.operands).toEqual(['ubuntu', 'sleep', '-x', '1']);
    expect(line.values.get('detach')).toEqual(['true']);
    expect(line.values.get('tty')).toEqual(['true']);
    expect(textOf(line, 'name')).toBe('c1');
    expect(listOf(line, 'publish')).toEqual(['8080:80', '81:81', '82:82']);
    expect(listOf(line, 'env')).toEqual(['A=b', 'C=d']);
  });

  test('come after operands too, where the command takes no command line', () => {
    const line = readCommandLine(networkConnect, ['mynet', 'c1', '--ip', '10.0.0.9']);
    expect(line.operands).toEqual(['mynet', 'c1']);
    expect(textOf(line, 'ip')).toBe('10.0.0.9');
  });

  test.each([
    ['--foo ubuntu', 'unknown flag: --foo'],
    ['-z ubuntu', "unknown shorthand flag: 'z' in -z"],
    ['-dz ubuntu', "unknown shorthand flag: 'z' in -z"],
    ['--name', 'flag needs an argument: --name'],
    ['-p', "flag needs an argument: 'p' in -p"],
    [
      '--rm=foo ubuntu',
      'invalid argument "foo" for "--rm" flag: strconv.ParseBool: parsing "foo": invalid syntax',
    ],
    [
      '--add-host x ubuntu',
      'invalid argument "x" for "--add-host" flag: bad format for add-host: "x"',
    ],
    [
      '--label =x ubuntu',
      `invalid argument "=x" for "-l, --label" flag: invalid label '=x': empty name`,
    ],
    [
      '--dns foo ubuntu',
      'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo',
    ],
  ])('%s is refused', (words, message) => {
    expect(refusal(() => read(words))).toEqual({
      message: `${message}\nSee 'docker run --help'.\n`,
      exitCode: 125,
    });
  });
});

describe('counts of operands', () => {
  test.each([
    [runCommand, [], '"docker run" requires at least 1 argument.'],
    [networkConnect, ['a'], '"docker network connect" requires exactly 2 arguments.'],
    [networkLs, ['a'], '"docker network ls" accepts no arguments.'],
  ])('are checked', (spec, words, first) => {
    const { message, exitCode } = refusal(() => readCommandLine(spec, words));
    expect(exitCode).toBe(1);
    expect(message).toBe(
      `${first}\nSee '${spec.path} --help'.\n\nUsage:  ${spec.path} ${spec.operands}\n\n${spec.short}\n`,
    );
  });
});

describe('docker network create', () => {
  const of = (words: string) => consolidate(readCommandLine(networkCreate, words.split(' ')));

  test('gives each option to its subnet', () => {
    expect(
      of('--subnet 10.1.0.0/24,10.2.0.0/24 --gateway 10.2.0.9 --ip-range 10.1.0.128/25 n'),
    ).toEqual([
      { subnet: '10.1.0.0/24', range: '10.1.0.128/25', gateway: '', auxAddresses: new Map() },
      { subnet: '10.2.0.0/24', range: '', gateway: '10.2.0.9', auxAddresses: new Map() },
    ]);
  });

  test.each([
    ['--gateway 10.0.0.1 x', 'every ip-range or gateway must have a corresponding subnet'],
    [
      '--subnet 10.0.0.0/24 --subnet 10.0.0.0/25 x',
      'multiple overlapping subnet configuration is not supported',
    ],
    ['--subnet 10.0.0.0/24 --ip-range 10.1.0.0/25 x', 'no matching subnet for range 10.1.0.0/25'],
    ['--subnet 10.20.0.0/24 --gateway 10.21.0.1 x', 'no matching subnet for gateway 10.21.0.1'],
    [
      '--subnet 10.0.0.0/24 --aux-address a=10.1.0.1 x',
      'no matching subnet for aux-address 10.1.0.1',
    ],
  ])('%s is refused', (words, message) => {
    expect(refusal(() => of(words))).toEqual({ message: `${message}\n`, exitCode: 1 });
  });
});
