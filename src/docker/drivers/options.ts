/** `-o key=value` of networks, read as Go reads them. @source bridge_linux.go fromLabels() */
import { KernelError } from '../../base/errors.ts';
import { DockerError, type DockerNetwork } from '../engine-record.ts';

const TRUE_WORDS = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE_WORDS = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** A flag; `fallback` if it was not given. @throws DockerError 400 */
export function flagOption(network: DockerNetwork, key: string, fallback: boolean): boolean {
  const text = network.options.get(key);
  if (text === undefined) return fallback;
  if (TRUE_WORDS.includes(text)) return true;
  if (FALSE_WORDS.includes(text)) return false;
  throw badOption(key, text, `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** A whole number; `fallback` if it was not given. @throws DockerError 400 */
export function numberOption(network: DockerNetwork, key: string, fallback: number): number {
  const text = network.options.get(key);
  if (text === undefined) return fallback;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw badOption(key, text, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
}

export function badOption(key: string, text: string, why: string): DockerError {
  return new DockerError(400, `failed to parse ${key} value: ${text} (${why})`);
}

/** Does what the kernel may refuse; `what` begins the engine's message. */
export function attempt<Result>(what: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const words = error.message;
    throw new DockerError(500, `${what}: ${words.charAt(0).toLowerCase()}${words.slice(1)}`);
  }
}
