import { describe, expect, test } from 'vitest';
import { projectScript } from '../../../../src/topology/compose/commands.ts';
import { type LoadOptions, loadCompose } from '../../../../src/topology/compose/load.ts';
import { problemText } from '../../../../src/topology/compose/problem.ts';

const OPTIONS: LoadOptions = {
  files: [],
  readFile: () => null,
  variables: new Map(),
  projectName: 'My Shop',
  profiles: [],
};

function load(text: string, rest: Partial<LoadOptions> = {}) {
  return loadCompose({ ...OPTIONS, files: [{ name: 'compose.yaml', text }], ...rest });
}

function problems(text: string): string[] {
  return load(text).problems.map(problemText);
}

describe('loadCompose', () => {
  test('tells every mistake with its place, those of the whole as well', () => {
    expect(
      problems(`services:
  web:
    imgae: nginx
    ports: ["80:80:80:80", 99999]
    networks: [nix]
  db:
    image: 5
    depends_on: [wbe]
networks:
  back:
    driver: bridgee
`),
    ).toEqual([
      'compose.yaml:3:5 services.web.imgae: found the unknown name "imgae", expected a name of the Compose specification (did you mean image?)',
      'compose.yaml:4:13 services.web.ports[0]: found "80:80:80:80", expected a port like 80, 8080:80, 127.0.0.1:8080:80/tcp or 9000-9002:9000-9002',
      'compose.yaml:4:28 services.web.ports[1]: found 99999, expected a port from 1 to 65535',
      'compose.yaml:5:16 services.web.networks.nix: found the network "nix", expected one of the file\'s networks (networks: { nix: {} })',
      'compose.yaml:7:12 services.db.image: found 5, expected a text',
      'compose.yaml:8:18 services.db.depends_on.wbe: found the service "wbe", expected one of the project\'s (did you mean web?)',
      'compose.yaml:11:13 networks.back.driver: found "bridgee", expected bridge, macvlan, ipvlan, host or none',
    ]);
  });

  test.each([
    [
      'a clash of ports',
      'a: {image: x, ports: ["80:80"]}\n  b: {image: x, ports: ["80:81"]}',
      'found host port 80, which a publishes',
    ],
    [
      'a circle',
      'a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}',
      'found a circle: a -> b -> a',
    ],
    ['no image', 'a: {hostname: x}', 'found neither image nor build'],
    [
      'two modes',
      'a: {image: x, network_mode: host, networks: [default]}',
      'network_mode and networks',
    ],
    [
      'an address without a subnet',
      'a: {image: x, networks: {default: {ipv4_address: 10.0.0.2}}}',
      'expected a subnet in the network default',
    ],
    [
      'a node too many',
      'a: {image: x, x-netsim: {node: node3}}\nx-netsim: {nodes: 2}',
      'found node3, expected node1 to node2',
    ],
    ['a name that is there twice', 'a: {image: x}\n  a: {image: y}', '"a" is there twice'],
    [
      'an unknown end of the ping',
      'web: {image: x}\nx-netsim: {ping: {from: wbe, to: client}}',
      'did you mean web?',
    ],
  ])('finds %s', (_what, services, message) => {
    expect(problems(`services:\n  ${services}\n`).join('\n')).toContain(message);
  });

  test('finds overlapping subnets, gateways outside and host bits', () => {
    const text = `services: { a: { image: x, networks: [n, m] } }
networks:
  n: { ipam: { config: [ { subnet: 10.0.0.0/8, gateway: 11.0.0.1 } ] } }
  m: { ipam: { config: [ { subnet: 10.1.0.1/16 } ] } }
`;
    const found = problems(text).join('\n');
    expect(found).toContain('found "11.0.0.1", expected an address of 10.0.0.0/8');
    expect(found).toContain('found "10.1.0.1/16", which overlaps with n');
    expect(found).toContain('expected 10.1.0.0/16 (host bits are zero)');
  });

  test('puts variables, anchors, profiles and several files together', () => {
    const base = `x-common: &common { image: "nginx:\${TAG:-1.27}" }
services:
  web: { <<: *common, ports: ["\${PORT}:80"] }
  tool: { image: alpine, profiles: [debug] }
`;
    const over = 'services: { web: { ports: ["81:81"], hostname: w } }';
    const { project, problems: none } = load('', {
      files: [
        { name: 'compose.yaml', text: base },
        { name: 'over.yaml', text: over },
      ],
      variables: new Map([['PORT', '8080']]),
    });
    expect(none).toEqual([]);
    expect(project).toMatchObject({ name: 'myshop', inactive: ['tool'] });
    expect(project?.services[0]).toMatchObject({
      image: 'nginx:1.27',
      ports: [{ published: [8080, 8080] }, { published: [81, 81] }],
    });
  });

  test('extends services of the same file and of others', () => {
    const text = `services:
  web: { extends: { service: base, file: base.yaml }, hostname: w }
  more: { extends: web, environment: [B=2] }
`;
    const base = 'services: { base: { image: nginx, environment: { A: 1 } } }';
    const { project } = load(text, { readFile: (name) => (name === 'base.yaml' ? base : null) });
    expect(project?.services[1]?.fields).toEqual({
      image: 'nginx',
      hostname: 'w',
      environment: { A: 1, B: '2' },
    });
    expect(problems('services: { a: { extends: b }, b: { extends: a } }').join()).toContain(
      'circle',
    );
    expect(problems('services: { a: { extends: c } }').join()).toContain('found the service "c"');
  });

  test('resets and overrides what it would merge with', () => {
    const base = `services:
  web: { image: nginx, ports: ["80:80"], environment: [A=1] }
  again: { extends: web, ports: !reset [] }
`;
    const over = `services:
  web: { ports: !override ["81:81"], environment: !reset null }
`;
    const { project, problems: none } = load('', {
      files: [
        { name: 'compose.yaml', text: base },
        { name: 'over.yaml', text: over },
      ],
    });
    expect(none).toEqual([]);
    const [web, again] = project?.services ?? [];
    expect(web?.fields).toEqual({ image: 'nginx', ports: ['81:81'] });
    expect(again?.fields).toEqual({ image: 'nginx', environment: ['A=1'] });
  });

  test('finds the place nearest to a value that another service gave', () => {
    const text = `services:
  web: { image: nginx, ports: ["80:80"] }
  again:
    extends: web
`;
    const { problems: found } = load('', {
      files: [
        { name: 'compose.yaml', text },
        { name: 'over.yaml', text: 'services: { web: { hostname: w } }' },
      ],
    });
    expect(found.map(problemText)).toEqual([
      'compose.yaml:3:3 services.again.ports[0]: found host port 80, which web publishes, expected a free one',
    ]);
  });

  test.each([
    [
      'a bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefghi', (c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join()}]`).join('\n')}`,
      'anchors expand too far',
    ],
    ['a file of 10 MB', 'x'.repeat(10_000_000), 'expected at most 1 MiB'],
    ['a deep one', `services: ${'['.repeat(100_000)}`, 'nested too deeply'],
    [
      'one with many values',
      `services:\n${Array.from({ length: 60_000 }, (_, i) => `  s${i}: 1\n`).join('')}`,
      'more than 50000 values',
    ],
    ['an empty one', '', 'the file is empty'],
  ])('has bounds: %s', (_what, text, message) => {
    expect(problems(text).join('\n')).toContain(message);
  });
});

test('projectScript names and orders things as Compose does', () => {
  const { project } = load(`services:
  web:
    image: nginx
    ports: ["8080:80"]
    depends_on: [db]
    networks: { front: null, back: { aliases: [www] } }
  db:
    image: postgres
    x-netsim: { node: node2 }
    networks: [back]
networks:
  front:
  back: { internal: true }
x-netsim:
  links: { node2: { latency: 5ms, mtu: 1400 } }
`);
  expect(projectScript(project!).split('\n')).toEqual([
    'set -e',
    "ssh node2 'tc qdisc add dev eth0 root netem delay 5ms'",
    "ssh node2 'ip link set eth0 mtu 1400'",
    "ssh client 'tc qdisc add dev lan-n2 root netem delay 5ms'",
    "ssh client 'ip link set lan-n2 mtu 1400'",
    'docker network create --driver bridge --label com.docker.compose.network=front --label com.docker.compose.project=myshop myshop_front > /dev/null',
    'docker network create --driver bridge --internal --label com.docker.compose.network=back --label com.docker.compose.project=myshop myshop_back > /dev/null',
    "ssh node2 'docker network create --driver bridge --internal --label com.docker.compose.network=back --label com.docker.compose.project=myshop myshop_back > /dev/null'",
    "ssh node2 'docker create --quiet --name myshop-db-1 --label com.docker.compose.container-number=1 --label com.docker.compose.oneoff=False --label com.docker.compose.project=myshop --label com.docker.compose.service=db --network myshop_back --network-alias myshop-db-1 --network-alias db postgres > /dev/null'",
    'docker create --quiet --name myshop-web-1 --label com.docker.compose.container-number=1 --label com.docker.compose.oneoff=False --label com.docker.compose.project=myshop --label com.docker.compose.service=web --network myshop_back --network-alias myshop-web-1 --network-alias web --network-alias www --publish 8080:80/tcp nginx > /dev/null',
    'docker network connect --alias myshop-web-1 --alias web myshop_front myshop-web-1 > /dev/null',
    "ssh node2 'docker start myshop-db-1 > /dev/null'",
    'docker start myshop-web-1 > /dev/null',
    '',
  ]);
});
