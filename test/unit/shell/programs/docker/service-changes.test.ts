// What services show while they change.
import { beforeAll, expect, test } from 'vitest';
import { makeSwarmLab, type SwarmLab } from '../../../../support/swarm-lab.ts';

let lab: SwarmLab;

beforeAll(async () => {
  lab = await makeSwarmLab();
  await lab.swarm();
});

test('another published port: the first tasks find the address taken by the service as it was', async () => {
  await lab.on('node1', 'docker service create -d --name web --replicas 3 -p 8080:80 nginx');
  await lab.on('node1', 'sleep 6');
  await lab.on('node1', 'docker service update -d --publish-add 8082:80 web; sleep 60');
  const tasks = await lab.on('node1', "docker service ps web --format '{{.CurrentState}}'");
  expect(tasks.match(/^Running/gm)).toHaveLength(3);
  const ipvs = 'nsenter --net=/var/run/docker/netns/ingress_sbox ipvsadm -ln';
  const table = await lab.on('node2', ipvs);
  expect(table).toContain('FWM  257 rr\n');
  expect(table.match(/ -> 10\.0\.0\./g)).toHaveLength(1);
  expect(await lab.on('client', 'curl -s http://192.168.0.12:8082')).toMatch(
    / from 10\.0\.0\.3\n$/,
  );
  await lab.on('node1', 'docker service rm web');
});

test('host-mode ports are shown while the container has them', async () => {
  const ports = '--publish mode=host,target=80,published=9090';
  await lab.on('node1', `docker service create -d --name hosty ${ports} --replicas 1 nginx`);
  await lab.on('node1', 'sleep 5');
  const shown = () =>
    lab.on('node1', "docker service ps hosty --format '{{.DesiredState}} {{.Ports}}'");
  expect(await shown()).toBe('Running *:9090->80/tcp\n');
  await lab.on('node1', 'docker service update --force -d hosty; sleep 20');
  expect(await shown()).toBe('Running *:9090->80/tcp\nShutdown \n');
  await lab.on('node1', 'docker service rm hosty');
});

test('a job that is done', async () => {
  await lab.on(
    'node1',
    'docker service create -d --name j --mode replicated-job --replicas 3 busybox true',
  );
  await lab.on('node1', 'sleep 6');
  const { output } = await lab.try('node1', "docker service ls -f name=j --format '{{.Replicas}}'");
  expect(output).toBe('0/3 (3/3 completed)\n');
});

test('dockerd is a process', async () => {
  const pid = await lab.on('node3', 'pidof dockerd');
  expect(await lab.on('node3', 'cat /var/run/docker.pid; echo')).toBe(pid);
  expect(await lab.on('node3', 'pgrep -a dockerd')).toContain(`${pid.trim()} /usr/sbin/dockerd -H`);
  const { output, exitCode } = await lab.try('node3', 'dockerd');
  expect(output).toContain(`process with PID ${pid.trim()} is still running`);
  expect(exitCode).toBe(1);
});

test('--publish-rm goes by the target port and the mode, --publish-add leaves the others', async () => {
  await lab.on('node1', 'docker service create -d --name ports -p 8190:80 nginx');
  const ports = async (flags: string) => {
    await lab.on('node1', `docker service update -d ${flags} ports`);
    const format = '{{range .Spec.EndpointSpec.Ports}}{{.PublishedPort}} {{.PublishMode}},{{end}}';
    return lab.on('node1', `docker service inspect -f '${format}' ports`);
  };
  const host = 'published=8191,target=80,mode=host';
  expect(await ports(`--publish-add ${host}`)).toBe('8190 ingress,8191 host,\n');
  expect(await ports('--publish-rm 80')).toBe('8191 host,\n');
  expect(await ports('--publish-rm mode=host,target=80 --publish-add 9001:81')).toBe(
    '9001 ingress,\n',
  );
});

test('a container of a task does not name its networks in HostConfig', async () => {
  await lab.on('node1', 'docker network create -d overlay over');
  const constraint = '--constraint node.hostname==node1';
  await lab.on('node1', `docker service create -d --name t --network over ${constraint} nginx`);
  await lab.on('node1', 'sleep 4');
  const format =
    '{{.HostConfig.NetworkMode}} {{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}';
  const inspect = `docker inspect -f '${format}' $(docker ps -q -f name=t.1)`;
  expect(await lab.on('node1', inspect)).toBe('default over\n');
});
