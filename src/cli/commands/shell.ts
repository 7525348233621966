/** `netsim shell TOPOLOGY`: a prompt in the network; lines from a pipe work as well. */
import { createInterface, type Interface } from 'node:readline';
import { NetsimError } from '../../base/errors.ts';
import { isStdinTerminal } from '../node-surroundings.ts';
import { readCommonOptions, readComposeOptions, withCommonOptions } from '../options.ts';
import { openPrompt, type Prompt } from '../prompt.ts';
import { closeSession, openTopology, type Session } from '../session.ts';
import type { Surroundings } from '../surroundings.ts';
import { takeTopology } from '../topologies.ts';
import type { NetsimCommand } from './command.ts';

export const shell: NetsimCommand = {
  name: 'shell',
  usage: '<topology>',
  description: 'a prompt in the network of a topology',
  help: `
Commands run where "ip netns exec" takes them: ip netns exec c1 ping 10.0.1.4, or shorter
"c1 ping 10.0.1.4", or "enter c1" and from then on as in c1. "exit" leaves.
`,
  prepare: (command) => void withCommonOptions(command),
  async run(args, command, surroundings) {
    const options = readCommonOptions(command, surroundings);
    const taken = takeTopology(args, { ...surroundings, ...readComposeOptions(command) });
    if (taken === null) {
      throw new NetsimError('usage', 'expected a topology', { hint: 'netsim shell overlay' });
    }
    const session = await openTopology(taken.loaded, options, surroundings);
    const prompt = await openPrompt(session);
    try {
      return isStdinTerminal(surroundings.stdin)
        ? await talk(prompt, session, taken.name)
        : await readAll(prompt, surroundings);
    } finally {
      closeSession(session);
    }
  },
};

async function readAll(prompt: Prompt, surroundings: Surroundings): Promise<number> {
  const lines = createInterface({ input: surroundings.stdin });
  let pending = '';
  for await (const line of lines) {
    pending += pending === '' ? line : `\n${line}`;
    if (prompt.isUnfinished(pending)) continue;
    const text = pending;
    pending = '';
    if ((await prompt.run(text)) === 'exit') return prompt.exitCode();
  }
  if (pending !== '') await prompt.run(pending);
  return prompt.exitCode();
}

/** Reads from the terminal until exit or Ctrl-D; Ctrl-C ends what runs, as in any shell. */
async function talk(prompt: Prompt, session: Session, name: string): Promise<number> {
  const { surroundings } = session;
  surroundings.write(`${greeting(session, name)}\n`);
  const reader = createInterface({
    input: surroundings.stdin,
    output: process.stdout,
    historySize: 1000,
    completer: (line: string) => prompt.complete(line),
  });
  reader.on('SIGINT', () => {
    prompt.interrupt();
    surroundings.write('^C\n');
    reader.prompt();
  });
  const nextLine = queueLines(reader);
  const ask = (text: string): Promise<string | null> => {
    reader.setPrompt(text);
    reader.prompt();
    return nextLine();
  };
  let pending = '';
  for (;;) {
    const line = await ask(pending === '' ? prompt.text(name) : '> ');
    if (line === null) break;
    pending += pending === '' ? line : `\n${line}`;
    if (prompt.isUnfinished(pending)) continue;
    const text = pending;
    pending = '';
    if ((await prompt.run(text)) === 'exit') break;
  }
  reader.close();
  return prompt.exitCode();
}

function greeting(session: Session, name: string): string {
  const { machines } = session.world;
  if (machines.size > 1) {
    const names = [...machines.keys()].join(' ');
    return `netsim: ${name}: machines ${names}. "ssh client" to go to one, "exit" to leave.`;
  }
  const names = [...session.machine.namespaces.keys()];
  const first = names[0] ?? 'NAMESPACE';
  return `netsim: ${name}: namespaces ${names.join(' ')}. "enter ${first}" to go into one, "exit" to leave.`;
}

/** Lines one by one, also those that were typed while a command ran; null at the end. */
function queueLines(reader: Interface): () => Promise<string | null> {
  const lines: string[] = [];
  let isClosed = false;
  let wake: (() => void) | null = null;
  reader.on('line', (line) => {
    lines.push(line);
    wake?.();
  });
  reader.on('close', () => {
    isClosed = true;
    wake?.();
  });
  return async () => {
    while (lines.length === 0 && !isClosed) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return lines.shift() ?? null;
  };
}
