import { describe, expect, test } from 'vitest';
import { checkNewService } from '../../../../src/swarm/api/services.ts';
import type { PortConfig } from '../../../../src/swarm/objects.ts';
import {
  makeSwarmLab,
  type ServiceOptions,
  serviceSpec,
  TASK_SPEC,
} from '../../../support/swarm-manager.ts';

const refusal = (name: string, options: ServiceOptions = {}): string => {
  const lab = makeSwarmLab(1);
  lab.create('web', { ports: [port({})] });
  lab.pass(1);
  try {
    checkNewService(lab.cluster, serviceSpec(name, options));
  } catch (error) {
    const { id } = lab.service('web');
    return (error as Error).message.replace(id, 'ID');
  }
  return '';
};

const port = (changes: Partial<PortConfig>): PortConfig => ({
  name: '',
  protocol: 'tcp',
  targetPort: 80,
  publishedPort: 8080,
  publishMode: 'ingress',
  ...changes,
});

const INVALID = 'rpc error: code = InvalidArgument desc =';

describe('a service is refused', () => {
  test('for a name that is taken or is none', () => {
    expect(refusal('web')).toBe(
      'rpc error: code = AlreadyExists desc = name conflicts with an existing object: service web already exists',
    );
    expect(refusal('a.b')).toBe(`${INVALID} name must be valid as a DNS name component`);
    expect(refusal('x'.repeat(64))).toBe(`${INVALID} name must be 63 characters or fewer`);
  });

  test('for ports that are taken', () => {
    const text = "port '8080' is already in use by service 'web' (ID) as an ingress port";
    expect(refusal('b', { ports: [port({})] })).toBe(`${INVALID} ${text}`);
    expect(refusal('b', { ports: [port({ publishMode: 'host' })] })).toBe(`${INVALID} ${text}`);
    expect(refusal('b', { ports: [port({ protocol: 'udp' })] })).toBe('');
    const two = [port({ publishedPort: 81 }), port({ publishedPort: 81, targetPort: 82 })];
    expect(refusal('b', { ports: two })).toBe(
      `${INVALID} EndpointSpec: duplicate published ports provided`,
    );
  });

  test('for a mesh port without a virtual address', () => {
    expect(refusal('b', { endpointMode: 'dnsrr', ports: [port({ publishedPort: 81 })] })).toBe(
      `${INVALID} EndpointSpec: port published with ingress mode can't be used with dnsrr mode`,
    );
    const host = port({ publishedPort: 81, publishMode: 'host' });
    expect(refusal('b', { endpointMode: 'dnsrr', ports: [host] })).toBe('');
  });

  test('for networks that are not there, or ingress', () => {
    expect(refusal('b', { networks: ['nonet'] })).toBe('network nonet not found');
    expect(refusal('b', { networks: ['ingress'] })).toBe(
      `${INVALID} Service cannot be explicitly attached to the ingress network "ingress"`,
    );
    expect(refusal('b', { networks: ['host'] })).toBe('');
  });

  test('for constraints that cannot be read', () => {
    const placed = (constraint: string) => ({
      task: { placement: { ...TASK_SPEC.placement, constraints: [constraint] } },
    });
    expect(refusal('b', placed('node.role=manager'))).toBe(
      'rpc error: code = Unknown desc = constraint expected one operator from ==, !=',
    );
    expect(refusal('b', placed('-x==1'))).toBe(
      "rpc error: code = Unknown desc = key '-x' is invalid",
    );
  });

  test('for secrets that are not there, and images that are no names', () => {
    const secrets = [{ id: 's1', name: 'pass', fileName: 'pass' }];
    const container = { ...TASK_SPEC.container, secrets };
    expect(refusal('b', { task: { container } })).toBe(`${INVALID} secret not found: pass`);
    expect(refusal('b', { image: 'UPPER' })).toBe(
      `${INVALID} ContainerSpec: "UPPER" is not a valid repository/tag`,
    );
  });
});
