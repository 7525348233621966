/**
 * What busybox httpd answers: files of a folder, and its error pages.
 * @source busybox 1.35 networking/httpd.c send_headers(), send_file_and_exit(); recorded replies
 */
import { NS_PER_SEC } from '../base/units.ts';
import { bytesOf } from './http-message.ts';
import type { HttpReply, HttpRequest } from './http-server.ts';
import { formatHttpDate } from './wall-clock.ts';

/** The files that are served. */
export interface ServedFiles {
  readBytes(path: string): Uint8Array | null;
  isDirectory(path: string): boolean;
  /** Virtual time of the last change. */
  modifiedAtNs(path: string): number | null;
}

export interface BusyboxHttpdOptions {
  readonly files: ServedFiles;
  /** The folder that is served, an absolute path. */
  readonly home: string;
  readonly epochSec: number;
}

/** Status lines and the sentence on the page. */
const STATUS: Readonly<Record<number, readonly [reason: string, sentence: string]>> = {
  200: ['OK', ''],
  206: ['Partial Content', ''],
  302: ['Found', ''],
  400: ['Bad Request', 'Unsupported method'],
  403: ['Forbidden', ''],
  404: ['Not Found', 'The requested URL was not found'],
  408: ['Request Timeout', 'No request appeared within 60 seconds'],
  501: ['Not Implemented', 'The requested method is not recognized'],
};

const MIME_TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  h: 'text/plain',
  c: 'text/plain',
  cc: 'text/plain',
  cpp: 'text/plain',
  htm: 'text/html',
  html: 'text/html',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  png: 'image/png',
  svg: 'image/svg+xml',
  css: 'text/css',
  js: 'application/javascript',
  wav: 'audio/wav',
  avi: 'video/x-msvideo',
  qt: 'video/quicktime',
  mov: 'video/quicktime',
  mpe: 'video/mpeg',
  mpeg: 'video/mpeg',
  mid: 'audio/midi',
  midi: 'audio/midi',
  mp3: 'audio/mpeg',
};

/** The answer to a request; `null` stands for one that did not come or could not be read. */
export function answerAsBusybox(
  options: BusyboxHttpdOptions,
  request: HttpRequest | null,
  nowNs: number,
): HttpReply {
  if (request === null) return errorPage(options, nowNs, 400);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return errorPage(options, nowNs, 501);
  }
  const path = decodePath(request.target.replace(/[?#].*/s, ''));
  if (path === null) return errorPage(options, nowNs, 400);
  const { files, home } = options;
  const isFolder = files.isDirectory(`${home}${path}`);
  if (isFolder && !path.endsWith('/')) {
    return errorPage(options, nowNs, 302, `Location: ${path}/\r\n`);
  }
  const file = `${home}${path}${isFolder ? 'index.html' : ''}`;
  const content = files.readBytes(file);
  if (content === null) return errorPage(options, nowNs, 404);
  return fileReply(options, request, nowNs, file, content);
}

function fileReply(
  options: BusyboxHttpdOptions,
  request: HttpRequest,
  nowNs: number,
  file: string,
  content: Uint8Array,
): HttpReply {
  const modifiedSec = secondsOf(options, options.files.modifiedAtNs(file) ?? 0);
  const range = rangeOf(request.header.fields.get('range'), content.length);
  const body = range === null ? content : content.subarray(range.first, range.last + 1);
  const extension = /\.([^./]+)$/.exec(file)?.[1] ?? '';
  const type = MIME_TYPES[extension];
  let text = statusLines(options, nowNs, range === null ? 200 : 206);
  if (type !== undefined) text += `Content-type: ${type}\r\n`;
  if (range !== null) {
    text += `Content-Range: bytes ${range.first}-${range.last}/${content.length}\r\n`;
  }
  const tag = `"${modifiedSec.toString(16)}-${content.length.toString(16)}"`;
  text += `Accept-Ranges: bytes\r\nLast-Modified: ${formatHttpDate(modifiedSec)}\r\n`;
  text += `ETag: ${tag}\r\nContent-Length: ${body.length}\r\n\r\n`;
  // Version 1.35 sends the file even if only the head was asked for.
  return { header: bytesOf(text), body, keepsAlive: false };
}

function errorPage(
  options: BusyboxHttpdOptions,
  nowNs: number,
  status: number,
  extraField = '',
): HttpReply {
  const [reason, sentence] = STATUS[status]!;
  const title = `${status} ${reason}`;
  let text = `${statusLines(options, nowNs, status)}Content-type: text/html\r\n${extraField}\r\n`;
  if (sentence !== '') {
    text += `<HTML><HEAD><TITLE>${title}</TITLE></HEAD>\n<BODY><H1>${title}</H1>\n`;
    text += `${sentence}\n</BODY></HTML>\n`;
  }
  return { header: bytesOf(text), body: new Uint8Array(0), keepsAlive: false };
}

function statusLines(options: BusyboxHttpdOptions, nowNs: number, status: number): string {
  const date = formatHttpDate(secondsOf(options, nowNs));
  return `HTTP/1.1 ${status} ${STATUS[status]![0]}\r\nDate: ${date}\r\nConnection: close\r\n`;
}

function secondsOf(options: BusyboxHttpdOptions, ns: number): number {
  return options.epochSec + Math.floor(ns / NS_PER_SEC);
}

/** Percent signs decoded, dots resolved; null for a path that leaves the folder or is malformed. */
function decodePath(path: string): string | null {
  if (!path.startsWith('/') || /%(?![0-9a-fA-F]{2})|%(00|2[fF])/.test(path)) return null;
  const decoded = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const parts: string[] = [];
  for (const part of decoded.slice(1).split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else if (part !== '.' && part !== '') {
      parts.push(part);
    }
  }
  const isFolder = parts.length > 0 && /\/(\.{0,2})$/.test(decoded);
  return `/${parts.join('/')}${isFolder ? '/' : ''}`;
}

function rangeOf(field: string | undefined, size: number): { first: number; last: number } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(field ?? '');
  if (match === null) return null;
  const first = Number(match[1]);
  const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return first <= last ? { first, last } : null;
}
