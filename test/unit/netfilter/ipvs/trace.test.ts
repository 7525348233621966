// What an observer is told of a virtual service: which destination was chosen, and every new address.
import { expect, test } from 'vitest';
import { NS_PER_SEC } from '../../../../src/base/units.ts';
import { runUntil } from '../../../../src/engine/simulator.ts';
import { detailText } from '../../../../src/observe/explain.ts';
import { checkLaws } from '../../../../src/observe/invariants.ts';
import { eventsOf, startTrace, stopTrace } from '../../../../src/observe/trace.ts';
import { meshScript } from '../../../support/ipvs-mesh.ts';
import { makeLab } from '../../../support/shell.ts';

test('the choice of a destination, and the translations of request and answer', async () => {
  const lab = await makeLab();
  const { sim } = lab.world;
  await lab.run(meshScript(['10.0.0.6', '10.0.0.7']));
  const recorder = startTrace(sim);
  await lab.run('ip netns exec client nc -z -w 2 192.168.0.12 3000');
  stopTrace(recorder);
  const told = eventsOf(recorder)
    .filter(({ where, kind }) => where === 'sbox' && (kind === 'ipvs' || kind === 'nat'))
    .map(({ kind, detail }) => `${kind}: ${detailText(detail)}`);
  expect(told).toEqual([
    'ipvs: service FWM 258, scheduler rr, destination 10.0.0.7:3000',
    'nat: kind IPVS, before 172.18.0.2, after 10.0.0.7, port 3000',
    expect.stringMatching(/^nat: kind SNAT, before 192\.168\.0\.1, after 10\.0\.0\.3, port \d+$/),
    // Nobody listens: the reset comes back.
    'nat: kind IPVS, before 10.0.0.7, after 172.18.0.2, port 3000',
  ]);
});

test('a namespace goes with its connections', async () => {
  const lab = await makeLab();
  const { sim } = lab.world;
  await lab.run(`${meshScript(['10.0.0.6'])}
    ip netns exec client nc -z -w 2 192.168.0.12 3000; ip netns del sbox`);
  runUntil(sim, sim.nowNs + 1000 * NS_PER_SEC);
  checkLaws(sim);
  expect(sim.queue.count).toBe(0);
});
