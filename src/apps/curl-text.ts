/**
 * What curl says: its errors with their exit codes, and the variables of --write-out.
 * @source curl 7.88 include/curl/curl.h CURLcode, src/tool_writeout.c; texts as printed by curl 7.88.1
 */

import { ERRNO, type Errno } from '../base/errors.ts';
import { formatIpv4 } from '../base/ipv4-address.ts';
import type { HttpOutcome } from './http-client.ts';

/** How a transfer ended: curl's exit code and its words. */
export interface CurlEnd {
  readonly exitCode: number;
  readonly message: string;
}

/** errno numbers that curl prints. */
const ERRNO_NUMBERS: Partial<Record<Errno, number>> = { EADDRINUSE: 98, EADDRNOTAVAIL: 99 };

export interface CurlEndContext {
  readonly host: string;
  readonly port: number;
  readonly elapsedMs: number;
  readonly failsOnError: boolean;
  /** curl 8.14 instead of 7.88. */
  readonly isNew?: boolean;
}

/** The end of an exchange in curl's words; code 0 if all went well. */
export function endOfTransfer(outcome: HttpOutcome, context: CurlEndContext): CurlEnd {
  const { errno } = outcome;
  const { host, port, elapsedMs } = context;
  const connecting = `Failed to connect to ${host} port ${port} after ${elapsedMs} ms`;
  switch (outcome.failure) {
    case 'bind':
      return end(
        45,
        `bind failed with errno ${ERRNO_NUMBERS[errno!] ?? 0}: ${errno === null ? '' : ERRNO[errno]}`,
      );
    case 'connect':
      return end(
        7,
        `${connecting}: Could${context.isNew === true ? ' not' : "n't"} connect to server`,
      );
    case 'connect-timeout':
      return end(28, `${connecting}: Timeout was reached`);
    case 'timeout':
      return end(28, timeoutText(outcome, elapsedMs));
    case 'send':
      return end(55, `Send failure: ${errno === null ? '' : ERRNO[errno]}`);
    case 'receive':
      return end(56, `Recv failure: ${errno === null ? '' : ERRNO[errno]}`);
    case 'empty':
      return end(52, 'Empty reply from server');
    case 'partial':
      if (outcome.expectedBytes < 0) {
        return end(18, 'transfer closed with outstanding read data remaining');
      }
      return end(18, `transfer closed with ${outcome.missingBytes} bytes remaining to read`);
    case 'malformed':
      return end(1, 'Received HTTP/0.9 when not allowed');
    case 'interrupted':
      return end(130, '');
    default:
      if (context.failsOnError && outcome.status >= 400) {
        return end(22, `The requested URL returned error: ${outcome.status}`);
      }
      return end(0, '');
  }
}

function timeoutText(outcome: HttpOutcome, elapsedMs: number): string {
  if (outcome.remoteAddress === 0) return `Connection timed out after ${elapsedMs} milliseconds`;
  const got = outcome.body.length;
  const size = outcome.expectedBytes >= 0 ? `${got} out of ${outcome.expectedBytes}` : String(got);
  return `Operation timed out after ${elapsedMs} milliseconds with ${size} bytes received`;
}

function end(exitCode: number, message: string): CurlEnd {
  return { exitCode, message };
}

/** What --write-out may ask for. Times in nanoseconds since the start. */
export interface WriteOutFacts {
  readonly outcome: HttpOutcome;
  readonly end: CurlEnd;
  readonly url: string;
  readonly port: number;
  readonly method: string;
  readonly requestBytes: number;
  readonly redirectCount: number;
  readonly redirectUrl: string;
  readonly fileName: string;
  readonly resolvedNs: number;
  readonly startNs: number;
  readonly endNs: number;
}

/** The text of a --write-out format; unknown variables are named in `unknown`. */
export function expandWriteOut(
  format: string,
  facts: WriteOutFacts,
): { text: string; unknown: string[] } {
  const unknown: string[] = [];
  const text = format.replace(
    /%%|%\{([^}]*)\}|\\([nrt])/g,
    (whole, name?: string, letter?: string) => {
      if (whole === '%%') return '%';
      if (letter !== undefined) return { n: '\n', r: '\r', t: '\t' }[letter] ?? '';
      const value = writeOutValue(name ?? '', facts);
      if (value === null) unknown.push(name ?? '');
      return value ?? '';
    },
  );
  return { text, unknown };
}

function writeOutValue(name: string, facts: WriteOutFacts): string | null {
  const { outcome, startNs } = facts;
  const seconds = (ns: number): string =>
    ns <= startNs ? '0.000000' : ((ns - startNs) / 1e9).toFixed(6);
  const totalSec = (facts.endNs - startNs) / 1e9;
  switch (name) {
    case 'http_code':
    case 'response_code':
      return String(outcome.status).padStart(3, '0');
    case 'size_download':
      return String(outcome.body.length);
    case 'size_header':
      return String(outcome.headerText.length);
    case 'size_request':
      return String(outcome.remoteAddress === 0 ? 0 : facts.requestBytes);
    case 'size_upload':
      return '0';
    case 'speed_download':
      return String(totalSec > 0 ? Math.floor(outcome.body.length / totalSec) : 0);
    case 'time_total':
      return totalSec.toFixed(6);
    case 'time_namelookup':
      return seconds(facts.resolvedNs);
    case 'time_connect':
      return seconds(outcome.connectedNs);
    case 'time_pretransfer':
      return seconds(outcome.connectedNs);
    case 'time_starttransfer':
      return seconds(outcome.firstByteNs);
    case 'time_appconnect':
    case 'time_redirect':
      return '0.000000';
    default:
      return writeOutName(name, facts);
  }
}

function writeOutName(name: string, facts: WriteOutFacts): string | null {
  const { outcome } = facts;
  const address = (value: number): string => (value === 0 ? '' : formatIpv4(value));
  switch (name) {
    case 'url':
    case 'url_effective':
      return facts.url;
    case 'content_type':
      return outcome.header?.fields.get('content-type') ?? '';
    case 'num_connects':
      return outcome.remoteAddress === 0 ? '0' : '1';
    case 'num_redirects':
      return String(facts.redirectCount);
    case 'redirect_url':
      return facts.redirectUrl;
    case 'remote_ip':
      return address(outcome.remoteAddress);
    case 'remote_port':
      return outcome.remoteAddress === 0 ? '0' : String(facts.port);
    case 'local_ip':
      return address(outcome.localAddress);
    case 'local_port':
      return String(outcome.localPort);
    case 'method':
      return facts.method;
    case 'scheme':
      return 'HTTP';
    case 'http_version':
      return outcome.status === 0 ? '0' : '1.1';
    case 'ssl_verify_result':
    case 'http_connect':
      return '0';
    case 'exitcode':
      return String(facts.end.exitCode);
    case 'errormsg':
      return facts.end.message;
    case 'filename_effective':
      return facts.fileName;
    default:
      return null;
  }
}
