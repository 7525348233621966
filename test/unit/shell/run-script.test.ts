import { describe, expect, test } from 'vitest';
import { runScript } from '../../../src/shell/run-script.ts';
import { addMachine, createWorld } from '../../../src/world/world.ts';
import { TEST_HOST } from '../../support/shell.ts';

async function run(text: string, onRecord?: () => void) {
  const world = createWorld();
  const machine = addMachine(world);
  let output = '';
  const write = (piece: string): void => {
    output += piece;
  };
  const exitCode = await runScript(world, machine, text, {
    host: TEST_HOST,
    fileName: 'lab.sh',
    write,
    writeError: write,
    ...(onRecord === undefined ? {} : { onRecord }),
  });
  return { output, exitCode, world, machine };
}

describe('a script', () => {
  test('splits an unquoted variable in command position into words', async () => {
    const { output } = await run(
      'x="echo a"\n$x "b  c" d\nf() { $x in f; }\nf\nfor i in 1 2; do $x $i; done\n"$x" no',
    );
    expect(output).toBe('a b  c d\na in f\na 1\na 2\nlab.sh: line 6: echo a: command not found\n');
  });

  test('runs the first argument if the variable is empty', async () => {
    expect((await run('e=\n$e echo hi')).output).toBe('hi\n');
  });

  test('names file and line of an error, also inside functions, loops and substitutions', async () => {
    const { output, exitCode } = await run(
      'f() {\n  foo\n}\nf\nx=$(f)\nfor i in 1; do\n  bar\ndone\nwhoops',
    );
    expect(output).toBe(
      'lab.sh: line 2: foo: command not found\n' +
        'lab.sh: line 2: foo: command not found\n' +
        'lab.sh: line 7: bar: command not found\n' +
        'lab.sh: line 9: whoops: command not found\n',
    );
    expect(exitCode).toBe(127);
  });

  test('keeps stdout and stderr in the order in which they were written', async () => {
    const { output } = await run('for i in 1 2; do echo $i; ip link show x$i; done; echo end');
    expect(output).toBe('1\nDevice "x1" does not exist.\n2\nDevice "x2" does not exist.\nend\n');
  });

  test('captures what is in pipes, substitutions and redirected groups', async () => {
    const { output } = await run(
      'f() { echo out; }\ny=$(f)\necho "<$y>"\nf | tr a-z A-Z\n{ f; echo g; } > /tmp/t\ncat /tmp/t\nf',
    );
    expect(output).toBe('<out>\nOUT\nout\ng\nout\n');
  });

  test('waits in virtual time', async () => {
    const { world } = await run('sleep 2\nsleep 0.5 0.5');
    expect(Math.round(world.sim.nowNs / 1e6)).toBe(3000);
  });

  test('runs jobs at the same time and waits for them', async () => {
    const { output, world } = await run(
      '(sleep 2; echo two) &\np=$!\n(sleep 1; echo one) &\necho started\nwait $p\necho done',
    );
    expect(output).toBe('started\none\ntwo\ndone\n');
    expect(Math.round(world.sim.nowNs / 1e6)).toBe(2000);
  });

  test('ends a program whose time is up', async () => {
    expect(
      (await run('timeout 2 sleep 10; echo $?; sleep 9 & kill $!; wait; date +%S')).output,
    ).toBe('124\n02\n');
  });

  test('runs the command of trap at its end', async () => {
    expect((await run("x=5; trap 'echo bye $x' EXIT; echo hi; exit 3")).output).toBe('hi\nbye 5\n');
  });

  test('stops at the first failure under set -e, with its exit code', async () => {
    const { output, exitCode } = await run('set -e\nx="ip link"\n$x show nosuch\necho no');
    expect(output).toBe('Device "nosuch" does not exist.\n');
    expect(exitCode).toBe(1);
  });

  test('shows the trace of set -x before the output', async () => {
    expect((await run('set -x\necho a b')).output).toBe('+ echo a b\na b\n');
  });

  test('draws $RANDOM from the seed', async () => {
    const [one, two] = [
      await run('echo $RANDOM $((RANDOM))'),
      await run('echo $RANDOM $((RANDOM))'),
    ];
    expect(one.output).toBe(two.output);
    expect(one.output).toMatch(/^\d+ \d+\n$/);
  });

  test('says what a syntax error is', async () => {
    const { output, exitCode } = await run('echo ok\nif true; then\n');
    expect(output).toContain('lab.sh');
    expect(exitCode).toBe(2);
  });
});

describe('bounds', () => {
  test.each([
    ['while true; do :; done', 'script-limit'],
    ['sleep infinity', 'never-ends'],
    ['sleep 100d', 'virtual-time-limit'],
    ['for i in {1..20}; do head -c 1000000 /tmp/big; done', 'output-limit'],
  ])('end %s', async (text, code) => {
    const setup =
      'x=0123456789\nfor i in 1 2 3 4 5; do x="$x$x$x$x$x$x$x$x$x$x"; done\necho $x > /tmp/big\n';
    await expect(run((code === 'output-limit' ? setup : '') + text)).rejects.toMatchObject({
      code,
      where: { file: 'lab.sh' },
    });
  });
});

describe('namespaces', () => {
  test('share the files but not the network', async () => {
    const { output } = await run(
      [
        'ip netns add a',
        'echo shared > /tmp/x',
        "ip netns exec a bash -c 'cat /tmp/x; echo 1 > /proc/sys/net/ipv4/ip_forward'",
        'ip netns exec a cat /proc/sys/net/ipv4/ip_forward',
        'cat /proc/sys/net/ipv4/ip_forward',
        'ip -n a link add br7 type bridge',
        'ip netns exec a ls /sys/class/net',
        'nsenter --net=/run/netns/a ip -br link show br7 | cut -c1-3',
      ].join('\n'),
    );
    expect(output).toBe('shared\n1\n0\nbr7\nlo\nbr7\n');
  });

  test('get what the recorder gives when the script has its line', async () => {
    let atNs = -1;
    const { output, world, machine } = await run(
      'ip netns add a\nip -n a link add d0 type dummy\n#@record\nip -br -n a link show lo',
      () => {
        atNs = 0;
      },
    );
    expect(atNs).toBe(0);
    expect(output).toContain('UNKNOWN');
    expect(Math.round(world.sim.nowNs / 1e6)).toBe(1000);
    const name = 'net.ipv4.neigh.d0.delay_first_probe_time';
    const { readSysctl } = await import('../../../src/stack/sysctl.ts');
    expect(readSysctl(machine.namespaces.get('a')!, name)).toBe('600');
  });
});
