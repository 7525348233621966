import { expect, test } from 'vitest';
import { makeShell } from '../../../../../src/shell/bash.ts';
import { enterShell, leaveShell } from '../../../../../src/shell/driver.ts';
import { execute } from '../../../../../src/shell/shell.ts';
import { makeTerminal } from '../../../../../src/shell/terminal.ts';
import { buildDockerWorld } from '../../../../../src/topology/docker-world.ts';
import { TEST_HOST } from '../../../../support/shell.ts';

interface Host {
  /** Both streams, and `[CODE]` if the exit code is not 0. */
  run(text: string): Promise<string>;
  elapsedSec(): number;
}

async function makeHost(): Promise<Host> {
  const { world, nodes } = buildDockerWorld({ internet: false });
  const machine = nodes[0]!;
  const shell = await makeShell(world, machine, TEST_HOST);
  let output = '';
  const write = (text: string): void => {
    output += text;
  };
  shell.sink = makeTerminal(shell, { fileName: null, write, writeError: write });
  return {
    async run(text) {
      output = '';
      enterShell(shell.driver);
      try {
        const rest = { env: {}, cwd: '/srv', stdin: '', isTerminal: true };
        const result = await execute(shell, machine.root, text, rest);
        if (shell.failure !== null) throw shell.failure;
        const code = result.exitCode === 0 ? '' : `[${result.exitCode}]`;
        return output + result.stdout + result.stderr + code;
      } finally {
        leaveShell(shell.driver);
      }
    },
    elapsedSec: () => world.sim.nowNs / 1e9,
  };
}

test('docker run in the foreground shows both streams in order and has the exit code', async () => {
  const { run } = await makeHost();
  expect(await run('docker run --rm ubuntu echo hello')).toBe('hello\n');
  expect(await run("docker run --rm ubuntu sh -c 'echo a; echo b >&2; echo c; exit 3'")).toBe(
    'a\nb\nc\n[3]',
  );
  expect(await run('docker ps -aq')).toBe('');
  expect(await run("echo 'echo $((1+1))' | docker run -i --rm ubuntu sh")).toBe('2\n');
  expect(await run('docker run --rm ubuntu nosuch')).toMatch(
    /^docker: Error response from daemon: failed to create task.*"nosuch": executable file not found in \$PATH: unknown\.\n\[127\]$/,
  );
});

test('a command runs beside the shell: in the background, until its time is up', async () => {
  const host = await makeHost();
  await host.run('docker run -d --name pinger ubuntu ping 172.17.0.1');
  const start = host.elapsedSec();
  await host.run('sleep 3.5');
  expect(host.elapsedSec() - start).toBeCloseTo(3.5, 3);
  expect((await host.run('docker logs pinger')).match(/icmp_seq/g)).toHaveLength(4);
  expect(await host.run('docker logs -n 1 pinger')).toContain('icmp_seq=4');
  expect(await host.run('timeout 2 docker logs -f -n 0 pinger')).toMatch(
    /^64 bytes.*icmp_seq=5.*\n64 bytes.*icmp_seq=6.*\n\[124\]$/,
  );
  expect(await host.run('docker stop -t 1 pinger')).toBe('pinger\n');
  expect(await host.run("docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' pinger")).toBe(
    'exited 137\n',
  );
});

test('docker exec runs in the container, several at a time', async () => {
  const host = await makeHost();
  await host.run('docker run -dt --name c1 --hostname one ubuntu');
  expect(await host.run("docker exec c1 sh -c 'hostname; echo $0 $1' x y")).toBe('one\nx y\n');
  const both = 'docker exec c1 sleep 2 & docker exec c1 sleep 2; wait';
  const start = host.elapsedSec();
  await host.run(both);
  expect(host.elapsedSec() - start).toBeCloseTo(2, 3);
  expect(await host.run('echo hostname | docker exec -i c1 sh')).toBe('one\n');
  expect(await host.run('docker exec -e A=b -w /tmp c1 sh -c "echo \\$A; pwd"')).toBe('b\n/tmp\n');
  expect(await host.run('docker exec c1 nosuch')).toContain(
    'exec: "nosuch": executable file not found in $PATH: unknown\n[127]',
  );
  expect(await host.run('docker exec nosuch ls')).toBe(
    'Error response from daemon: No such container: nosuch\n[1]',
  );
});

test('docker ps: filters, formats, states', async () => {
  const { run } = await makeHost();
  await run('docker run -dt --name c1 -l tier=web -p 9000-9001:9000-9001 ubuntu');
  await run('docker create --name c2 ubuntu true');
  await run('docker run --name c3 ubuntu false');
  const names = "--format '{{.Names}}'";
  expect(await run(`docker ps ${names}`)).toBe('c1\n');
  expect(await run(`docker ps -a ${names}`)).toBe('c3\nc2\nc1\n');
  expect(await run(`docker ps -a -n 2 ${names}`)).toBe('c3\nc2\n');
  expect(await run(`docker ps -f label=tier=web -f status=running ${names}`)).toBe('c1\n');
  expect(await run(`docker ps -a -f exited=1 ${names}`)).toBe('c3\n');
  expect(await run(`docker ps -a -f since=c2 ${names}`)).toBe('c3\n');
  expect(await run(`docker ps -f publish=9001 -f network=bridge ${names}`)).toBe('c1\n');
  expect(await run('docker ps -f foo=bar')).toBe(
    "Error response from daemon: invalid filter 'foo'\n[1]",
  );
  expect(
    await run(`docker ps -a --format 'table {{.Names}}\\t{{.State}}\\t{{.Label "tier"}}'`),
  ).toBe(
    'NAMES     STATE     tier\nc3        exited    \nc2        created   \nc1        running   web\n',
  );
  expect(await run("docker ps --format '{{json .Ports}}'")).toBe(
    '"0.0.0.0:9000-9001->9000-9001/tcp, :::9000-9001->9000-9001/tcp"\n',
  );
  expect(await run("docker ps --format '{{.Nope}}'")).toContain(
    "can't evaluate field Nope in type *formatter.ContainerContext\n[1]",
  );
});

test('docker run refuses what contradicts itself', async () => {
  const { run } = await makeHost();
  const help = "\nSee 'docker run --help'.\n[125]";
  const refusals = [
    ['--rm --restart always', 'conflicting options: cannot specify both --restart and --rm.'],
    ['--network-alias x', 'network-scoped aliases are only supported for user-defined networks.'],
    ['--mac-address xx', 'xx is not a valid mac address.'],
    ['-p 99999:80', 'invalid hostPort: 99999.'],
    ['--env-file nosuch', 'open nosuch: no such file or directory.'],
  ];
  for (const [options, text] of refusals) {
    expect(await run(`docker run ${options} ubuntu true`)).toBe(`docker: ${text}${help}`);
  }
});

test('a published port is free again at once when its container ends', async () => {
  const { run } = await makeHost();
  await run('docker run -d --name web -p 8080:80 nginx');
  expect(await run('docker kill web; docker start web; docker restart -t 0 web')).toBe(
    'web\nweb\nweb\n',
  );
  expect(await run('curl -s localhost:8080')).toMatch(/^[0-9a-f]{12} from 172\.17\.0\.1\n$/);
  expect(await run('docker port web 81')).toBe("Error: No public port '81' published for web\n[1]");
});

test('what has no packet in it is named', async () => {
  const { run } = await makeHost();
  expect(await run('docker build .')).toBe('docker: build is not emulated by netsim\n[2]');
  expect(await run('docker container cp a b')).toBe(
    'docker container: cp is not emulated by netsim\n[2]',
  );
  expect(await run('docker run --rm -v /a:/b ubuntu true')).toBe(
    'docker: option --volume is not emulated by netsim\n',
  );
  expect(await run('docker foo')).toBe(
    "docker: 'foo' is not a docker command.\nSee 'docker --help'\n[1]",
  );
});

test('a machine without an engine says so', async () => {
  const { world, client } = buildDockerWorld({ internet: false });
  const shell = await makeShell(world, client, TEST_HOST);
  const rest = { env: {}, cwd: '/srv', stdin: '', isTerminal: false };
  enterShell(shell.driver);
  const result = await execute(shell, client.root, 'docker ps', rest);
  leaveShell(shell.driver);
  expect(result.stderr).toContain('Cannot connect to the Docker daemon');
  expect(result.exitCode).toBe(1);
});
