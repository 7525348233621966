/** The commands by name; each is loaded when it is called. */
import type { NetsimCommand } from './command.ts';

export const COMMANDS: Readonly<Record<string, () => Promise<NetsimCommand>>> = {
  ping: async () => (await import('./ping.ts')).ping,
  run: async () => (await import('./run.ts')).run,
  shell: async () => (await import('./shell.ts')).shell,
  curl: async () => (await import('./curl.ts')).curl,
  exec: async () => (await import('./exec.ts')).exec,
  graph: async () => (await import('./graph.ts')).graph,
  play: async () => (await import('./play.ts')).play,
  bench: async () => (await import('./bench.ts')).bench,
  validate: async () => (await import('./validate.ts')).validate,
  list: async () => (await import('./list.ts')).list,
  version: async () => (await import('./version.ts')).version,
};
