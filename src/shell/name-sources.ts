/** The machine's files that names are resolved with. */
import type { NameSources } from '../apps/resolver.ts';
import type { ProgramContext } from './program.ts';

/** /etc/hosts and /etc/resolv.conf as they are now; missing ones are empty. */
export function nameSourcesOf(context: ProgramContext): NameSources {
  return {
    hosts: context.fileSystem.readFile('/etc/hosts') ?? '',
    resolvConf: context.fileSystem.readFile('/etc/resolv.conf') ?? '',
  };
}
