/** Where a user's mistake stands: a file (or `<command line>`), and 1-based line and column. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/**
 * A user's mistake: what was found, where, what was expected and how to mend it.
 * The command line prints it without a stack trace and exits with 2.
 */
export class NetsimError extends Error {
  override name = 'NetsimError';
  readonly code: string;
  readonly where: Place | undefined;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { where?: Place; hint?: string } = {}) {
    super(message);
    this.code = code;
    this.where = options.where;
    this.hint = options.hint;
  }
}

/**
 * The kernel's answers to a request that it refuses, with the text that libc prints for each.
 * @source include/uapi/asm-generic/errno.h; texts: glibc strerror
 */
export const ERRNO = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EAGAIN: 'Resource temporarily unavailable',
  ENOMEM: 'Cannot allocate memory',
  EACCES: 'Permission denied',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  EINVAL: 'Invalid argument',
  ENOSPC: 'No space left on device',
  EMLINK: 'Too many links',
  EPIPE: 'Broken pipe',
  ERANGE: 'Numerical result out of range',
  ENOSYS: 'Function not implemented',
  EREMOTE: 'Object is remote',
  ELOOP: 'Too many levels of symbolic links',
  EXDEV: 'Invalid cross-device link',
  EMSGSIZE: 'Message too long',
  EOPNOTSUPP: 'Operation not supported',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  EDESTADDRREQ: 'Destination address required',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENETDOWN: 'Network is down',
  ENETUNREACH: 'Network is unreachable',
  ECONNABORTED: 'Software caused connection abort',
  ECONNRESET: 'Connection reset by peer',
  ENOBUFS: 'No buffer space available',
  EISCONN: 'Transport endpoint is already connected',
  ENOTCONN: 'Transport endpoint is not connected',
  ETIMEDOUT: 'Connection timed out',
  ECONNREFUSED: 'Connection refused',
  EHOSTDOWN: 'Host is down',
  EHOSTUNREACH: 'No route to host',
  EXFULL: 'Exchange full',
  EPROTO: 'Protocol error',
  ENOPROTOOPT: 'Protocol not available',
  ENONET: 'Machine is not on the network',
  EPROTONOSUPPORT: 'Protocol not supported',
} as const;

export type Errno = keyof typeof ERRNO;

/**
 * A request that the emulated kernel refuses (a netlink or system call that fails).
 * Programs turn it into their own words: `RTNETLINK answers: File exists`.
 */
export class KernelError extends Error {
  override name = 'KernelError';
  readonly errno: Errno;
  /** The kernel's own longer words (netlink extack), if it gives any. */
  readonly detail: string | undefined;

  constructor(errno: Errno, detail?: string) {
    super(ERRNO[errno]);
    this.errno = errno;
    this.detail = detail;
  }
}
