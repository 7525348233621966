// Every bundled lab, in both languages: what it shows is what comes out, and both run the same commands.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { netsim } from '../support/cli.ts';

const TOPOLOGIES = join(import.meta.dirname, '../../topologies');
const LABS = readdirSync(TOPOLOGIES).filter((name) => name.startsWith('lab-'));
/** What differs between two languages is prose only. */
const sessionsOf = (text: string): string[] =>
  [...text.matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, body]) => body ?? '');

describe('bundled labs', () => {
  it('are nine of one host and eleven of a swarm', () => {
    expect(LABS.length).toBeGreaterThanOrEqual(20);
  });

  describe.each(LABS)('%s', (name) => {
    const english = readFileSync(join(TOPOLOGIES, name, 'README.md'), 'utf8');
    const spanish = readFileSync(join(TOPOLOGIES, name, 'README.es.md'), 'utf8');

    it('prints what it shows', { timeout: 60_000 }, async () => {
      const result = await netsim(['run', name, '--check']);
      expect(result.stderr).toBe('');
      expect(result.stdout).toMatch(
        /^README\.md: \d+ commands, \d+ outputs compared, 0 different\n$/,
      );
      expect(result.exitCode).toBe(0);
    });

    it('is the same in Spanish', () => {
      expect(sessionsOf(spanish)).toEqual(sessionsOf(english));
      const steps = english.match(/^## Step /gm)?.length ?? 0;
      expect(steps).toBeGreaterThanOrEqual(4);
      expect(spanish.match(/^## Paso /gm)?.length).toBe(steps);
      expect(english.match(/<b>Question:<\/b>/g)?.length).toBe(steps);
      expect(spanish.match(/<b>Pregunta:<\/b>/g)?.length).toBe(steps);
    });
  });
});
