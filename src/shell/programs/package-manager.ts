/**
 * `apt-get`, `apt`, `apk`: course texts install ping, curl or dig before they use them. Every machine
 * has these already, so the answer is that of a manager which finds them installed.
 * @source apt apt-private/private-install.cc; apk-tools src/app_add.c
 */
import { type ProgramDefinition, refuse } from '../program.ts';

const LISTS = 'Reading package lists... Done\n';
const TREE = 'Building dependency tree... Done\nReading state information... Done\n';

function aptProgram(name: string): ProgramDefinition {
  return {
    name,
    async run(context) {
      const words = context.args.filter((word) => !word.startsWith('-'));
      const [command, ...packages] = words;
      if (command === 'update') {
        context.write(LISTS);
        return 0;
      }
      if (command !== 'install' && command !== 'upgrade') {
        return refuse(context, name, `command ${command ?? ''}`.trim());
      }
      context.write(LISTS + TREE);
      for (const each of packages) context.write(`${each} is already the newest version.\n`);
      context.write('0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n');
      return 0;
    },
  };
}

const apk: ProgramDefinition = {
  name: 'apk',
  async run(context) {
    const command = context.args.find((word) => !word.startsWith('-'));
    if (command !== 'update' && command !== 'add') {
      return refuse(context, 'apk', `command ${command ?? ''}`.trim());
    }
    context.write('OK: 8 MiB in 14 packages\n');
    return 0;
  },
};

export const packageManagers: readonly ProgramDefinition[] = [
  aptProgram('apt'),
  aptProgram('apt-get'),
  apk,
];
