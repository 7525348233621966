/** What `ipvsadm -h` and `-v` print. */
export const IPVSADM_VERSION = 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n';

export const IPVSADM_USAGE = `${IPVSADM_VERSION}Usage:
  ipvsadm -A|E -t|u|f service-address [-s scheduler] [-p [timeout]] [-M netmask] [-o]
  ipvsadm -D -t|u|f service-address
  ipvsadm -C
  ipvsadm -R
  ipvsadm -S [-n]
  ipvsadm -a|e -t|u|f service-address -r server-address [-m|-i|-g] [-w weight] [-x upper] [-y lower]
  ipvsadm -d -t|u|f service-address -r server-address
  ipvsadm -L|l [-n] [-c] [--timeout] [--stats] [--rate] [--thresholds] [--persistent-conn] [--exact]
  ipvsadm -Z [-t|u|f service-address]
  ipvsadm --set tcp tcpfin udp
  ipvsadm -h
`;
