/** `hostname`: the machine's name and the addresses of this namespace. */
import { formatIpv4 } from '../../base/ipv4-address.ts';
import { listAddresses } from '../../stack/address.ts';
import { type ProgramDefinition, refuse } from '../program.ts';

export const hostname: ProgramDefinition = {
  name: 'hostname',
  async run(context) {
    const { fileSystem, machine, netns } = context;
    const name = fileSystem.readFile('/etc/hostname')?.trim() ?? machine.name;
    const [word] = context.args;
    if (word === undefined || word === '-f' || word === '--fqdn' || word === '-s') {
      context.write(`${name}\n`);
      return 0;
    }
    const addresses = netns.devices
      .filter((device) => !device.isLoopback && device.isUp)
      .flatMap((device) => listAddresses(device).map((each) => formatIpv4(each.address)));
    if (word === '-I' || word === '--all-ip-addresses') {
      context.write(`${addresses.map((each) => `${each} `).join('')}\n`);
    } else if (word === '-i' || word === '--ip-address') {
      context.write(
        `${addressInHosts(fileSystem.readFile('/etc/hosts') ?? '', name) ?? addresses[0] ?? '127.0.0.1'}\n`,
      );
    } else if (word.startsWith('-')) {
      return refuse(context, 'hostname', `option ${word}`);
    } else fileSystem.writeFile('/etc/hostname', `${word}\n`);
    return 0;
  },
};

function addressInHosts(hosts: string, name: string): string | null {
  for (const line of hosts.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address !== undefined && names.includes(name)) return address;
  }
  return null;
}
