#!/usr/bin/env node
/** The program `netsim`. */
import { runCli } from './cli.ts';
import { tuneCompiler } from './compiler-flags.ts';
import { nodeSurroundings } from './node-surroundings.ts';
import { EXIT_INTERRUPTED } from './surroundings.ts';

tuneCompiler();
const surroundings = nodeSurroundings();
process.on('SIGINT', () => {
  surroundings.interrupt();
  process.exit(EXIT_INTERRUPTED);
});
process.exitCode = await runCli(process.argv.slice(2), surroundings);
