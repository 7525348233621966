/** The counters of /proc/net/xfrm_stat. @source net/xfrm/xfrm_proc.c xfrm_mib_list[] */

/** In the order of the file (kernel 6.18). */
export const XFRM_STAT_NAMES = [
  'XfrmInError',
  'XfrmInBufferError',
  'XfrmInHdrError',
  'XfrmInNoStates',
  'XfrmInStateProtoError',
  'XfrmInStateModeError',
  'XfrmInStateSeqError',
  'XfrmInStateExpired',
  'XfrmInStateMismatch',
  'XfrmInStateInvalid',
  'XfrmInTmplMismatch',
  'XfrmInNoPols',
  'XfrmInPolBlock',
  'XfrmInPolError',
  'XfrmOutError',
  'XfrmOutBundleGenError',
  'XfrmOutBundleCheckError',
  'XfrmOutNoStates',
  'XfrmOutStateProtoError',
  'XfrmOutStateModeError',
  'XfrmOutStateSeqError',
  'XfrmOutStateExpired',
  'XfrmOutPolBlock',
  'XfrmOutPolDead',
  'XfrmOutPolError',
  'XfrmFwdHdrError',
  'XfrmOutStateInvalid',
  'XfrmAcquireError',
  'XfrmOutStateDirError',
  'XfrmInStateDirError',
  'XfrmInIptfsError',
  'XfrmOutNoQueueSpace',
] as const;

export type XfrmStat = (typeof XFRM_STAT_NAMES)[number];
export type XfrmStats = Record<XfrmStat, number>;

export function makeXfrmStats(): XfrmStats {
  return Object.fromEntries(XFRM_STAT_NAMES.map((name) => [name, 0])) as XfrmStats; // of all names
}
