/** Numbers as the kernel reads them from /proc/sys. */
import { KernelError } from '../base/errors.ts';

/**
 * The whole numbers in a text, which are decimal, octal (0...) or hexadecimal (0x...).
 * @throws KernelError EINVAL: none, something else, or out of bounds.
 * @source kernel/sysctl.c proc_get_long()
 */
export function parseSysctlNumbers(text: string, least: number, most: number): number[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) throw new KernelError('EINVAL');
  return words.map((word) => {
    const match = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(word);
    if (match === null) throw new KernelError('EINVAL');
    const [, sign, digits = ''] = match;
    const isOctal = /^0[0-7]+$/.test(digits);
    const size = isOctal ? Number.parseInt(digits, 8) : Number(digits);
    const value = sign === '-' ? -size : size;
    if (value < least || value > most) throw new KernelError('EINVAL');
    return value;
  });
}

/** `tcp_fin_timeout` as `tcpFinTimeout`. */
export function camelCaseOf(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `tcpFinTimeout` as `tcp_fin_timeout`. */
export function snakeCaseOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
